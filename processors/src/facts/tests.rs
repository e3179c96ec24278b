use super::*;
use crate::Output;

#[derive(Default)]
struct Counts(Vec<DropReason>);

impl Out for Counts {
    fn emit(&mut self, _: Output) {}

    fn dropped(&mut self, reason: DropReason) {
        self.0.push(reason);
    }
}

fn all(texts: &Texts) -> Vec<Fact> {
    texts.known.iter().map(|text| text.fact.clone()).collect()
}

fn fact(instance: &str, name: &str, value: &str) -> Fact {
    Fact { instance: instance.to_owned(), name: name.to_owned(), value: value.to_owned() }
}

#[test]
fn a_change_is_published_once_and_sorted() {
    let mut texts = Texts::default();
    let mut out = Counts::default();
    let both = [fact("b", "if_alias", "up"), fact("", "sys_name", "core")];
    assert!(texts.observe(&both, 0, false, &mut out));
    assert!(!texts.observe(&both, 1, false, &mut out));
    assert!(!texts.observe(&[], 2, false, &mut out));
    assert!(texts.observe(&[fact("b", "if_alias", "down")], 3, false, &mut out));
    assert_eq!(all(&texts), [fact("", "sys_name", "core"), fact("b", "if_alias", "down")]);
}

#[test]
fn what_is_not_repeated_goes() {
    let mut texts = Texts::default();
    let mut out = Counts::default();
    texts.observe(&[fact("a", "x", "1"), fact("b", "x", "1")], 0, false, &mut out);
    assert!(!texts.observe(&[fact("a", "x", "1")], GONE_AFTER_MS, false, &mut out));
    assert!(texts.observe(&[fact("a", "x", "1")], GONE_AFTER_MS + 1, false, &mut out));
    assert_eq!(all(&texts), [fact("a", "x", "1")]);
}

#[test]
fn texts_have_a_limit_that_is_counted() {
    let mut texts = Texts::default();
    let mut out = Counts::default();
    let long = "x".repeat(MAX_FACTS_BYTES / 2);
    let three = [fact("a", "x", &long), fact("b", "x", &long), fact("c", "x", "short")];
    assert!(texts.observe(&three, 0, false, &mut out));
    assert_eq!(all(&texts).len(), 2);
    assert_eq!(out.0, [DropReason::FactsLimit]);
}

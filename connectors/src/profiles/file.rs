//! Reads profile files, checks every row and resolves `extends`.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use schemas::Kind;

use super::text::{FactText, FileText, InstanceText, KindText, MetricText, TableText};
use super::{
    AUTO, CodePage, FactRow, InstanceRule, MAX_PROFILE_BYTES, MAX_PROFILE_ROWS, MAX_PROFILES,
    Metric, Profile, ProfileError, Source, Table, Transform,
};
use crate::snmp::oid::Oid;

/// The place in a file, for errors.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a str,
    table: &'a str,
}

impl Place<'_> {
    fn wrong(self, row: &str, key: &str, problem: impl Into<String>) -> ProfileError {
        let table =
            if self.table.is_empty() { String::new() } else { format!("table {}, ", self.table) };
        let row = if row.is_empty() { String::new() } else { format!("{row}, ") };
        ProfileError {
            file: self.file.to_owned(),
            place: format!("{table}{row}key {key}"),
            problem: problem.into(),
        }
    }

    fn oid(self, row: &str, key: &str, text: &str) -> Result<Oid, ProfileError> {
        text.parse()
            .map_err(|error: crate::snmp::oid::OidError| self.wrong(row, key, error.to_string()))
    }
}

pub(super) fn read_folder(folder: &Path) -> Result<Vec<(String, String)>, ProfileError> {
    let wrong = |path: &Path, problem: String| ProfileError {
        file: path.display().to_string(),
        place: "file".into(),
        problem,
    };
    let entries = std::fs::read_dir(folder).map_err(|error| {
        wrong(folder, format!("{error}; create the folder or remove it from the configuration"))
    })?;
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    let mut texts = Vec::new();
    for path in paths {
        let size = path.metadata().map_or(0, |metadata| metadata.len());
        if size > MAX_PROFILE_BYTES {
            return Err(wrong(&path, format!("{size} octets, over {MAX_PROFILE_BYTES}; split it")));
        }
        let text = std::fs::read_to_string(&path)
            .map_err(|error| wrong(&path, format!("{error}; make it readable UTF-8 text")))?;
        texts.push((path.display().to_string(), text));
    }
    Ok(texts)
}

/// Parses all files (a later one replaces an earlier one of the same name) and takes over what
/// they extend.
pub(super) fn resolve(
    texts: &[(String, String)],
) -> Result<HashMap<String, Arc<Profile>>, ProfileError> {
    let mut files: HashMap<String, (String, FileText)> = HashMap::new();
    for (file, text) in texts {
        let parsed: FileText = toml::from_str(text).map_err(|error| {
            let before = |at: usize| text.get(..at).unwrap_or_default().lines().count().max(1);
            let line = error.span().map_or(0, |span| before(span.start));
            let problem = error.message().replace('\n', " ");
            ProfileError { file: file.clone(), place: format!("line {line}"), problem }
        })?;
        let place = Place { file, table: "" };
        if parsed.name.is_empty() || parsed.name == AUTO {
            return Err(place.wrong(
                "",
                "name",
                "empty or auto; give the profile a name of its own",
            ));
        }
        files.insert(parsed.name.clone(), (file.clone(), parsed));
    }
    if files.len() > MAX_PROFILES {
        let place = Place { file: "(all)", table: "" };
        return Err(place.wrong("", "name", format!("over {MAX_PROFILES} profiles; remove some")));
    }
    let mut done = HashMap::new();
    for name in files.keys() {
        build(name, &files, &mut done, &mut Vec::new())?;
    }
    Ok(done)
}

fn build(
    name: &str,
    files: &HashMap<String, (String, FileText)>,
    done: &mut HashMap<String, Arc<Profile>>,
    path: &mut Vec<String>,
) -> Result<(), ProfileError> {
    if done.contains_key(name) {
        return Ok(());
    }
    let Some((file, text)) = files.get(name) else { return Ok(()) };
    let place = Place { file, table: "" };
    if path.iter().any(|above| above == name) {
        let problem = format!("{} extends itself; remove one of them", path.join(" extends "));
        return Err(place.wrong("", "extends", problem));
    }
    path.push(name.to_owned());
    let mut profile = Profile {
        name: text.name.clone(),
        title: text.title.clone(),
        matches: Vec::new(),
        code_page: CodePage::default(),
        metrics: Vec::new(),
        facts: Vec::new(),
        tables: Vec::new(),
    };
    for parent in &text.extends {
        build(parent, files, done, path)?;
        let Some(parent) = done.get(parent) else {
            let problem = format!("no profile is named {parent:?}; correct the name");
            return Err(place.wrong("", "extends", problem));
        };
        take_over(&mut profile, parent);
        // Here, for what extends two that extend two grows to more than a machine holds.
        if profile.tables.len() > MAX_PROFILE_ROWS {
            let problem = format!("over {MAX_PROFILE_ROWS} tables; extend fewer profiles");
            return Err(place.wrong("", "extends", problem));
        }
        check_whole(&profile, place)?;
    }
    path.pop();
    profile.code_page = text.code_page.unwrap_or(profile.code_page);
    for prefix in &text.matches {
        profile.matches.push(place.oid("", "match", prefix)?);
    }
    let own = rows(place, &text.metric, &text.fact, true)?;
    profile.metrics.extend(own.0);
    profile.facts.extend(own.1);
    for table in &text.table {
        add_table(&mut profile, file, table)?;
    }
    check_whole(&profile, place)?;
    done.insert(name.to_owned(), Arc::new(profile));
    Ok(())
}

/// Positions of joined tables move by what is already there.
fn take_over(profile: &mut Profile, parent: &Profile) {
    profile.code_page = parent.code_page;
    profile.metrics.extend(parent.metrics.iter().cloned());
    profile.facts.extend(parent.facts.iter().cloned());
    let shift = profile.tables.len();
    for table in &parent.tables {
        let mut table = table.clone();
        if let InstanceRule::Join { table: joined, .. } = &mut table.instance {
            *joined += shift;
        }
        profile.tables.push(table);
    }
}

/// A table of a name that is already there adds its rows to it.
fn add_table(profile: &mut Profile, file: &str, text: &TableText) -> Result<(), ProfileError> {
    let place = Place { file, table: &text.name };
    let (metrics, facts) = rows(place, &text.metric, &text.fact, false)?;
    let instance = instance_rule(place, &text.instance, &profile.tables)?;
    let mut guards = Vec::new();
    for guard in &text.guard {
        guards.push(place.oid("", "guard", guard)?);
    }
    if let Some(table) = profile.tables.iter_mut().find(|table| table.name == text.name) {
        if table.instance != instance {
            let problem = "differs from the extended table's; write the same rule";
            return Err(place.wrong("", "instance", problem));
        }
        table.metrics.extend(metrics);
        table.facts.extend(facts);
        return Ok(());
    }
    profile.tables.push(Table { name: text.name.clone(), instance, guards, metrics, facts });
    Ok(())
}

fn instance_rule(
    place: Place<'_>,
    text: &InstanceText,
    tables: &[Table],
) -> Result<InstanceRule, ProfileError> {
    let offset = text.offset;
    match (&text.columns, &text.join, &text.index) {
        (Some(columns), None, None) if offset.is_none() && (1..=2).contains(&columns.len()) => {
            let oids: Result<Vec<Oid>, _> =
                columns.iter().map(|oid| place.oid("", "instance.columns", oid)).collect();
            Ok(InstanceRule::Columns(oids?))
        }
        (None, Some(join), None) => {
            let named = |table: &Table| {
                table.name == *join && matches!(table.instance, InstanceRule::Columns(_))
            };
            let Some(table) = tables.iter().position(named) else {
                let problem = format!(
                    "no earlier table {join:?} with instance columns; name one that stands above"
                );
                return Err(place.wrong("", "instance.join", problem));
            };
            Ok(InstanceRule::Join { table, offset: offset.unwrap_or(0) })
        }
        (None, None, Some(template)) if offset.is_none() && template.contains("{index}") => {
            Ok(InstanceRule::Index { template: template.clone() })
        }
        (_, _, _) => {
            let problem = "give one of { columns = [one or two OIDs] }, { join = \"table\", offset = N }, \
                           { index = \"sensor {index}\" }";
            Err(place.wrong("", "instance", problem))
        }
    }
}

type Rows = (Vec<Metric>, Vec<FactRow>);

fn rows(
    place: Place<'_>,
    metrics: &[MetricText],
    facts: &[FactText],
    scalar: bool,
) -> Result<Rows, ProfileError> {
    let metrics: Result<Vec<Metric>, _> =
        metrics.iter().map(|row| metric(place, row, scalar)).collect();
    let mut fact_rows = Vec::new();
    for fact in facts {
        let row = format!("fact {}", fact.name);
        let oid = match &fact.oid {
            Some(oid) => Some(place.oid(&row, "oid", oid)?),
            None if scalar => return Err(place.wrong(&row, "oid", "missing; add it")),
            None => None,
        };
        fact_rows.push(FactRow { name: fact.name.clone(), oid, form: fact.form });
    }
    Ok((metrics?, fact_rows))
}

fn metric(place: Place<'_>, text: &MetricText, scalar: bool) -> Result<Metric, ProfileError> {
    let row = format!("metric {}", text.metric);
    let name_fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if text.metric.is_empty() || !text.metric.chars().all(name_fits) {
        return Err(place.wrong(&row, "metric", "use lower-case letters, digits and _"));
    }
    let fits = |scale: f64| scale.is_finite() && scale != 0.0;
    if !fits(text.scale) || !text.quantum.is_finite() || text.quantum < 0.0 {
        return Err(place.wrong(&row, "scale, quantum", "use finite numbers, scale not 0"));
    }
    if scalar && text.fallback.is_some() {
        let problem = "scalars have none; make two metrics of it";
        return Err(place.wrong(&row, "fallback", problem));
    }
    let source = |oid: &str, key: &str, kind: KindText, scale, transform: Option<Transform>| {
        let (oid, kind) = (place.oid(&row, key, oid)?, kind.kind());
        if transform.is_some() && kind != Kind::Gauge {
            return Err(place.wrong(
                &row,
                "transform",
                "only gauges have one; set kind = \"gauge\"",
            ));
        }
        Ok(Source { oid, kind, scale, transform, valid: None })
    };
    let valid = |valid: Option<[f64; 2]>| match valid {
        Some([least, most])
            if least <= most && matches!(text.kind, KindText::Gauge | KindText::State) =>
        {
            Ok(Some((least, most)))
        }
        None => Ok(None),
        Some(_) => {
            let problem = "give [least, most] of a gauge or state, the lower one first";
            Err(place.wrong(&row, "valid", problem))
        }
    };
    let fallback = match &text.fallback {
        None => None,
        Some(it) if it.scale.is_some_and(|scale| !fits(scale)) => {
            return Err(place.wrong(&row, "fallback.scale", "use a finite number, not 0"));
        }
        Some(it) => {
            let scale = it.scale.unwrap_or(text.scale);
            let fallback = source(&it.oid, "fallback.oid", it.kind, scale, it.transform)?;
            Some(Source { valid: valid(it.valid)?, ..fallback })
        }
    };
    let mut texts = Vec::new();
    for (number, meaning) in &text.texts {
        let Ok(number) = number.parse() else {
            return Err(place.wrong(&row, "texts", format!("{number:?} is no whole number")));
        };
        texts.push((number, meaning.clone()));
    }
    texts.sort();
    let kind = text.kind.kind();
    let learns = matches!(kind, Kind::Gauge | Kind::Counter32 | Kind::Counter64);
    Ok(Metric {
        name: text.metric.clone(),
        unit: text.unit.clone(),
        ceiling: text.ceiling.clone(),
        detect: text.detect.unwrap_or(learns),
        quantum: text.quantum,
        source: Source {
            valid: valid(text.valid)?,
            ..source(&text.oid, "oid", text.kind, text.scale, text.transform)?
        },
        fallback,
        fallback_on_zero: text.fallback_on_zero,
        fallback_above: text.fallback_above,
        texts,
    })
}

fn check_whole(profile: &Profile, place: Place<'_>) -> Result<(), ProfileError> {
    let groups = std::iter::once(("", &profile.metrics))
        .chain(profile.tables.iter().map(|table| (table.name.as_str(), &table.metrics)));
    let mut seen = HashSet::new();
    let mut count = profile.facts.len();
    for (table, metrics) in groups {
        let place = Place { file: place.file, table };
        count += metrics.len();
        for metric in metrics {
            let row = format!("metric {}", metric.name);
            if !seen.insert(metric.name.as_str()) {
                let problem = "used twice; give each row a name of its own";
                return Err(place.wrong(&row, "metric", problem));
            }
            if let Some(ceiling) = &metric.ceiling
                && !metrics.iter().any(|other| other.name == *ceiling)
            {
                let problem = format!("no metric {ceiling:?} in the same table; correct the name");
                return Err(place.wrong(&row, "ceiling", problem));
            }
        }
    }
    count += profile.tables.iter().map(|table| table.facts.len()).sum::<usize>();
    if count > MAX_PROFILE_ROWS {
        return Err(place.wrong("", "metric", format!("over {MAX_PROFILE_ROWS} rows; use fewer")));
    }
    Ok(())
}

use super::*;

fn oid(text: &str) -> Oid {
    text.parse().unwrap()
}

fn check(text: &str, wanted: &str) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.toml"), text).unwrap();
    let error = Profiles::load(Some(folder.path())).unwrap_err().to_string();
    assert!(error.contains("mine.toml") && error.contains(wanted), "{error}");
}

#[test]
fn shipped_profiles_load_and_match() {
    let profiles = Profiles::load(None).unwrap();
    let of = |text: &str| profiles.for_object_id(oid(text).bytes()).name.clone();
    assert_eq!(of("1.3.6.1.4.1.6141.1.97"), "ciena-saos6");
    assert_eq!(of("1.3.6.1.4.1.8072.3.2.10"), "generic");
    assert_eq!(of("1.3.6.1.4.1.6141.10"), "generic");
    assert_eq!(profiles.names()[0].0, "auto");
    assert_eq!(profiles.state_text("if_oper_status", 2), Some("down"));
    assert_eq!(profiles.state_text("if_oper_status", 99), None);
    let ciena = profiles.get("ciena-saos6").unwrap();
    let table = |name: &str| ciena.tables.iter().position(|table| table.name == name).unwrap();
    let xcvr = &ciena.tables[table("xcvr")];
    assert_eq!(xcvr.instance, InstanceRule::Join { table: table("if"), offset: 10000 });
    assert!(
        !ciena.tables[table("if")].metrics.iter().any(|m| m.name == "if_speed_bps" && m.detect)
    );
}

#[test]
fn a_metric_is_one_row() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"
        name = "ups"
        title = "UPS"
        extends = ["generic"]
        match = ["1.3.6.1.4.1.534.1"]
        [[metric]]
        metric = "battery_charge_ratio"
        oid = "1.3.6.1.4.1.534.1.2.4.0"
        kind = "gauge"
        unit = "1"
        scale = 0.01
    "#;
    std::fs::write(folder.path().join("ups.toml"), text).unwrap();
    let profiles = Profiles::load(Some(folder.path())).unwrap();
    let ups = profiles.for_object_id(oid("1.3.6.1.4.1.534.1").bytes());
    assert_eq!(ups.metrics.last().unwrap().name, "battery_charge_ratio");
    assert_eq!(ups.tables[0].name, "if");
}

#[test]
fn errors_name_the_place_and_the_remedy() {
    let head = "name = \"x\"\ntitle = \"X\"\n";
    let row = |row: &str| format!("{head}[[metric]]\nmetric = \"a\"\nunit = \"1\"\n{row}\n");
    let table = |table: &str| format!("{head}[[table]]\nname = \"t\"\n{table}\n");
    check(&row("oid = \"1.3.x\"\nkind = \"gauge\""), "metric a, key oid");
    check(&row("oid = \"1.3.6\"\nkind = \"gauge\"\nscal = 2"), "line 7: unknown field `scal`");
    check(&row("oid = \"1.3.6\"\nkind = \"gouge\""), "gouge");
    check(&row("oid = \"1.3.6\"\nkind = \"gauge\"\nceiling = \"b\""), "key ceiling");
    check(&row("oid = \"1.3.6\"\nkind = \"gauge\"\nscale = 0.0"), "scale not 0");
    check(&row("oid = \"1.3.6\"\nkind = \"state\"\ntransform = \"dbm_from_uw\""), "key transform");
    check(&table("instance = { join = \"if\" }"), "table t, key instance.join");
    check(&table("instance = { index = \"x\" }"), "table t, key instance: give one of");
    check("name = \"x\"\ntitle = \"\"\nextends = [\"y\"]", "no profile is named \"y\"");
    check("name = \"x\"\ntitle = \"\"\nextends = [\"x\"]", "extends itself");
    check("name = \"auto\"\ntitle = \"\"", "key name");
}

#[test]
fn no_light_is_minus_forty() {
    assert_eq!(Transform::DbmFromUw.apply(0.0), -40.0);
    assert!((Transform::DbmFromUw.apply(1000.0)).abs() < 1e-12);
    assert!((Transform::DbmFromUw.apply(225.0) + 6.478).abs() < 0.001);
}

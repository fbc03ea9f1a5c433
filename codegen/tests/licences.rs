//! Every dependency's licence is among those that `deny.toml` allows, in both workspaces.

use std::path::Path;
use std::process::Command;

/// Whether a licence expression can be satisfied: any alternative of `OR` (or `/`), all parts of `AND`.
fn satisfied(expression: &str, allowed: &[String]) -> bool {
    let plain = expression.replace(['(', ')'], "").replace('/', " OR ");
    plain.split(" AND ").all(|part| {
        part.split(" OR ")
            .any(|licence| allowed.iter().any(|a| a == licence.trim()))
    })
}

fn rules() -> toml::Table {
    let text = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml");
    text.parse().expect("deny.toml is TOML")
}

fn names(list: &toml::Value) -> Vec<String> {
    let names = list.as_array().expect("a list").iter();
    names
        .map(|name| name.as_str().expect("a name").to_owned())
        .collect()
}

/// What `deny.toml` allows for one package.
fn allowed(rules: &toml::Table, package: &str) -> Vec<String> {
    let mut allowed = names(&rules["licenses"]["allow"]);
    for exception in rules["licenses"]["exceptions"].as_array().expect("a list") {
        if exception["crate"].as_str() == Some(package) {
            allowed.extend(names(&exception["allow"]));
        }
    }
    allowed
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
}

#[test]
fn every_licence_is_allowed() {
    let rules = rules();
    let mut checked = 0;
    for manifest in ["Cargo.toml", "firmware/Cargo.toml"] {
        let output = Command::new(env!("CARGO"))
            .args([
                "metadata",
                "--format-version",
                "1",
                "--locked",
                "--all-features",
            ])
            .arg("--manifest-path")
            .arg(root().join(manifest))
            .output()
            .expect("cargo runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        for package in metadata["packages"].as_array().expect("packages") {
            let name = package["name"].as_str().expect("a name");
            let licence = package["license"].as_str();
            let allowed = allowed(&rules, name);
            let licence = licence.unwrap_or_else(|| panic!("{name} names no licence"));
            assert!(
                satisfied(licence, &allowed),
                "{name}: {licence} is not allowed by deny.toml"
            );
            checked += 1;
        }
    }
    assert!(checked > 50, "only {checked} packages were found");
}

#[test]
fn expressions_are_understood() {
    let allowed = ["MIT".to_owned(), "Apache-2.0".to_owned()];
    assert!(satisfied("MIT OR GPL-3.0", &allowed));
    assert!(satisfied("(MIT OR GPL-3.0) AND Apache-2.0", &allowed));
    assert!(satisfied("GPL-3.0/MIT", &allowed));
    assert!(!satisfied("MIT AND GPL-3.0", &allowed));
    assert!(!satisfied("GPL-3.0", &allowed));
}

//! Where rows come from.

use std::process::{Command, Stdio};

use crate::folder::Folder;

#[test]
fn standard_input_is_a_file_like_others() {
    let folder = Folder::with_model();
    let score = |data: &str, input: Stdio| {
        let output = Command::new(env!("CARGO_BIN_EXE_nvpico"))
            .args(["score", "--model", "m.safetensors", "--data", data])
            .current_dir(folder.path(""))
            .stdin(input)
            .output()
            .expect("nvpico runs");
        (
            output.status.code(),
            output.stdout,
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let file =
        |name: &str| Stdio::from(std::fs::File::open(folder.path(name)).expect("it is there"));
    let expected = score("faults.csv", Stdio::null());
    assert_eq!(expected.0, Some(0), "{}", expected.2);
    let found = score("-", file("faults.csv"));
    assert_eq!((found.0, found.1), (expected.0, expected.1), "{}", found.2);
    folder.write("bad.csv", "a,b\n1,2\n3\n");
    let (code, _, words) = score("-", file("bad.csv"));
    assert_eq!(code, Some(1));
    assert!(words.contains("standard input"), "{words}");
    let (code, _, words) = score("-", Stdio::null());
    assert_eq!(code, Some(1));
    assert!(
        words.contains("standard input: the file is empty"),
        "{words}"
    );
}

#[cfg(unix)]
#[test]
fn devices_are_refused() {
    let folder = Folder::with_model();
    for device in ["/dev/zero", "/dev/null"] {
        let args = ["score", "--model", "m.safetensors", "--data", device];
        folder.fails(&args, &[device, "is a device, not a file"]);
    }
}

//! The kinds of credential, as data.

/// A kind of credential.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// As it is stored and as the API has it.
    pub name: &'static str,
    /// For people.
    pub label: &'static str,
    /// What it is for, for people.
    pub help: &'static str,
    /// Protocols that are spoken with it. Empty: nothing reads it yet, so it is not offered.
    pub used_by: &'static [&'static str],
    /// What it is made of, in the order of a form.
    pub fields: &'static [Field],
}

/// One field of a kind.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// As it is stored and as the API has it.
    pub name: &'static str,
    /// For people.
    pub label: &'static str,
    /// For people; may be empty.
    pub help: &'static str,
    /// What values look like.
    pub form: Form,
    /// Never shown while it is typed.
    pub secret: bool,
    /// It must be given, wherever it applies.
    pub required: bool,
    /// Where it applies; none: always.
    pub when: Option<When>,
}

/// What a field's values look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A text on one line, of so many characters.
    Text {
        /// At least.
        min: usize,
        /// At most.
        max: usize,
    },
    /// A text of several lines, of so many characters.
    Lines {
        /// At least.
        min: usize,
        /// At most.
        max: usize,
    },
    /// One of a few.
    Choice(&'static [Choice]),
}

/// One of a field's values.
#[derive(Debug, PartialEq, Eq)]
pub struct Choice {
    /// As it is stored and as the API has it.
    pub value: &'static str,
    /// For people.
    pub label: &'static str,
}

/// A field applies where another has one of these values.
#[derive(Debug, PartialEq, Eq)]
pub struct When {
    /// The other, a choice before this one.
    pub field: &'static str,
    /// Its values.
    pub is: &'static [&'static str],
}

/// Every kind there is.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "snmp_v2c",
        label: "SNMP v2c",
        help: "The community that agents answer to.",
        used_by: &["snmp"],
        fields: &[Field {
            name: "community",
            label: "SNMP community",
            // RFC 3584 sets no limit; agents take 32 to 255.
            form: Form::Text { min: 1, max: 255 },
            ..SECRET
        }],
    },
    Kind {
        name: "snmp_v3",
        label: "SNMP v3",
        help: "A user of the User-based Security Model (RFC 3414).",
        used_by: &[],
        fields: &[
            Field {
                name: "user",
                label: "User name",
                form: Form::Text { min: 1, max: 32 },
                ..PLAIN
            },
            Field {
                name: "level",
                label: "Security level",
                form: Form::Choice(&[
                    Choice { value: "no_auth_no_priv", label: "neither checked nor encrypted" },
                    Choice { value: "auth_no_priv", label: "checked, not encrypted" },
                    Choice { value: "auth_priv", label: "checked and encrypted" },
                ]),
                ..PLAIN
            },
            Field {
                name: "auth_protocol",
                label: "Authentication protocol",
                form: Form::Choice(&[
                    Choice { value: "md5", label: "MD5" },
                    Choice { value: "sha", label: "SHA-1" },
                    Choice { value: "sha_224", label: "SHA-224" },
                    Choice { value: "sha_256", label: "SHA-256" },
                    Choice { value: "sha_384", label: "SHA-384" },
                    Choice { value: "sha_512", label: "SHA-512" },
                ]),
                when: WITH_AUTH,
                ..PLAIN
            },
            Field {
                name: "auth_key",
                label: "Authentication passphrase",
                help: "At least 8 characters (RFC 3414).",
                form: USM_PASSPHRASE,
                when: WITH_AUTH,
                ..SECRET
            },
            Field {
                name: "priv_protocol",
                label: "Encryption protocol",
                form: Form::Choice(&[
                    Choice { value: "des", label: "DES" },
                    Choice { value: "aes_128", label: "AES-128" },
                    Choice { value: "aes_192", label: "AES-192" },
                    Choice { value: "aes_256", label: "AES-256" },
                ]),
                when: WITH_PRIV,
                ..PLAIN
            },
            Field {
                name: "priv_key",
                label: "Encryption passphrase",
                help: "At least 8 characters (RFC 3414).",
                form: USM_PASSPHRASE,
                when: WITH_PRIV,
                ..SECRET
            },
        ],
    },
    Kind {
        name: "ssh",
        label: "SSH",
        help: "A user's password or private key.",
        used_by: &[],
        fields: &[
            Field {
                name: "user",
                label: "User name",
                form: Form::Text { min: 1, max: 255 },
                ..PLAIN
            },
            Field {
                name: "method",
                label: "Signs in by",
                form: Form::Choice(&[
                    Choice { value: "password", label: "password" },
                    Choice { value: "private_key", label: "private key" },
                ]),
                ..PLAIN
            },
            Field {
                name: "password",
                label: "Password",
                form: Form::Text { min: 1, max: 1_024 },
                when: Some(When { field: "method", is: &["password"] }),
                ..SECRET
            },
            Field {
                name: "private_key",
                label: "Private key",
                help: "In the form of OpenSSH or PKCS#8 (PEM).",
                form: Form::Lines { min: 1, max: 16_384 },
                when: Some(When { field: "method", is: &["private_key"] }),
                ..SECRET
            },
            Field {
                name: "passphrase",
                label: "Passphrase of the private key",
                form: Form::Text { min: 1, max: 1_024 },
                required: false,
                when: Some(When { field: "method", is: &["private_key"] }),
                ..SECRET
            },
        ],
    },
    Kind {
        name: "http_token",
        label: "HTTP token",
        help: "Sent as a bearer token (RFC 6750).",
        used_by: &[],
        fields: &[Field {
            name: "token",
            label: "Token",
            form: Form::Text { min: 1, max: 4_096 },
            ..SECRET
        }],
    },
    Kind {
        name: "http_basic",
        label: "HTTP basic",
        help: "User name and password (RFC 7617).",
        used_by: &[],
        fields: &[
            Field {
                name: "user",
                label: "User name",
                form: Form::Text { min: 1, max: 255 },
                ..PLAIN
            },
            Field {
                name: "password",
                label: "Password",
                form: Form::Text { min: 1, max: 1_024 },
                ..SECRET
            },
        ],
    },
];

const PLAIN: Field = Field {
    name: "",
    label: "",
    help: "",
    form: Form::Text { min: 0, max: 0 },
    secret: false,
    required: true,
    when: None,
};
const SECRET: Field = Field { secret: true, ..PLAIN };
const WITH_AUTH: Option<When> = Some(When { field: "level", is: &["auth_no_priv", "auth_priv"] });
const WITH_PRIV: Option<When> = Some(When { field: "level", is: &["auth_priv"] });
const USM_PASSPHRASE: Form = Form::Text { min: 8, max: 255 };

impl Kind {
    /// The kind of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// Kinds that something reads.
    pub fn offered() -> impl Iterator<Item = &'static Self> {
        KINDS.iter().filter(|kind| !kind.used_by.is_empty())
    }

    /// The kind of that name, if something reads it.
    ///
    /// # Errors
    /// For people: why not, and what there is.
    pub fn offered_as(name: &str) -> Result<&'static Self, String> {
        let names = || Self::offered().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
        match Self::named(name) {
            Some(kind) if !kind.used_by.is_empty() => Ok(kind),
            Some(kind) => {
                let name = kind.name;
                Err(format!("{name} is not yet usable, as nothing reads it; usable: {}", names()))
            }
            None => Err(format!("must be one of: {}", names())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn is_name(text: &str) -> bool {
        !text.is_empty() && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    }

    #[test]
    fn every_kind_can_be_read_as_it_stands() {
        let names: BTreeSet<&str> = KINDS.iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), KINDS.len());
        for Kind { name, label, help, fields, .. } in KINDS {
            assert!(is_name(name) && !label.is_empty() && !help.is_empty(), "{name}");
            assert!(fields.iter().any(|field| field.secret), "{name} has nothing to seal");
            let mut before: Vec<&Field> = Vec::new();
            for field in *fields {
                let place = format!("{name}.{}", field.name);
                assert!(is_name(field.name) && !["kind", "name"].contains(&field.name), "{place}");
                assert!(!field.label.is_empty(), "{place}");
                assert!(before.iter().all(|other| other.name != field.name), "{place}");
                match field.form {
                    Form::Text { min, max } | Form::Lines { min, max } => {
                        assert!(0 < min && min <= max, "{place}");
                    }
                    Form::Choice(choices) => {
                        assert!(
                            choices.iter().all(|it| is_name(it.value)) && !field.secret,
                            "{place}"
                        );
                    }
                }
                if let Some(When { field: other, is }) = field.when {
                    let other = before.iter().find(|it| it.name == other).expect(&place);
                    let Form::Choice(choices) = other.form else { panic!("{place}") };
                    assert!(is.iter().all(|value| choices.iter().any(|it| it.value == *value)));
                }
                before.push(field);
            }
        }
    }

    #[test]
    fn what_nothing_reads_is_not_offered() {
        assert_eq!(Kind::offered_as("snmp_v2c").map(|kind| kind.name), Ok("snmp_v2c"));
        let refused = Kind::offered_as("ssh").unwrap_err();
        assert!(refused.contains("not yet usable") && refused.contains("snmp_v2c"), "{refused}");
        assert_eq!(Kind::offered_as("x").unwrap_err(), "must be one of: snmp_v2c");
    }
}

//! The example of a primitive, made into a playbook of its own.

use playbook::primitives::FAMILIES;

use super::One;

/// Examples that begin with another call, and a line that stands for each: only the call in question may be made.
const INSTEAD: &[(&str, &str)] = &[
    ("chat.update", "chat(\"team\").update(#{ id: \"1.2\", channel: \"C1\" }, \"Deployed v2\")"),
    ("statuspage.update", "statuspage(\"public\").update(\"i1\", \"A new release is on its way.\")"),
    ("statuspage.resolve", "statuspage(\"public\").resolve(\"i1\", \"All is well.\")"),
];

/// One line of a playbook, and the resources that it uses.
pub struct Example {
    /// The line.
    pub line: String,
    /// The resources, its own first.
    pub resources: Vec<(&'static str, String)>,
    one: One,
}

impl Example {
    /// That of a primitive.
    pub fn of(one: One) -> Result<Self, String> {
        let instead = INSTEAD.iter().find(|(name, _)| *name == one.name()).map(|(_, line)| *line);
        let line = instead.unwrap_or(one.entry.example).trim_end_matches(';').to_owned();
        let pattern =
            regex_lite::Regex::new(r#"(?:^|[^.a-z0-9_])([a-z][a-z0-9_]*)\("([a-z0-9-]+)"\)"#).unwrap();
        let mut resources = Vec::new();
        for found in pattern.captures_iter(&line) {
            if let Some(family) = FAMILIES.iter().find(|family| family.name == &found[1]) {
                resources.push((family.name, found[2].to_owned()));
            }
        }
        let own = resources.iter().position(|(family, _)| *family == one.family.name);
        match own {
            Some(own) => resources.swap(0, own),
            None if one.family.name == "journal" => {}
            None => return Err(format!("its own resource is not in `{line}`")),
        }
        Ok(Self { line, resources, one })
    }

    /// The same with one more named option at the call, in place of one of that name.
    pub fn option(mut self, option: &str) -> Result<Self, String> {
        let name = option.split(':').next().unwrap_or_default();
        let own = regex_lite::Regex::new(&format!(r#",? ?\b{name}: "[^"]*""#)).unwrap();
        self.line = own.replace(&self.line, "").into_owned();
        let open = format!(".{}(", self.one.entry.name);
        let begin = self.line.find(&open).ok_or_else(|| format!("no call in `{}`", self.line))? + open.len();
        let (commas, end) =
            arguments(&self.line[begin..]).ok_or_else(|| format!("`{}` does not end", self.line))?;
        let inner = &self.line[begin..begin + end];
        let last = commas.last().map_or(0, |comma| comma + 1);
        let text = inner[last..].trim_start();
        let place = self.one.entry.place_of_map();
        let names = self.one.entry.arguments();
        let names_it = names.iter().any(|(name, _)| text.starts_with(&format!("#{{ {name}:")));
        let is_value = place == Some(commas.len()) && !names_it;
        let at = begin + end;
        match (text.is_empty(), text.starts_with("#{") && !is_value) {
            (true, _) => self.line.insert_str(at, &format!("#{{ {option} }}")),
            (_, true) => self.line.insert_str(at - text.len() + 2, &format!(" {option},")),
            _ => self.line.insert_str(at, &format!(", #{{ {option} }}")),
        }
        Ok(self)
    }

    /// The same where whatever is waited for may take no longer than seconds.
    pub fn hurried(mut self) -> Self {
        let within = regex_lite::Regex::new(r#"\b(within|for|holds_for): "[^"]*""#).unwrap();
        self.line = within.replace_all(&self.line, "${1}: \"1s\"").into_owned();
        self.line = self.line.replace("within: \"1s\"", "within: \"2s\"");
        self
    }

    /// The same with the failure heeded, where it is a notice.
    pub fn heeded(self) -> Result<Self, String> {
        let must = self.one.entry.arguments().iter().any(|(name, _)| name == "must");
        if must { self.option("must: true") } else { Ok(self) }
    }

    /// Whether a text names its own resource, or the database under it.
    pub fn is_named_in(&self, text: &str) -> bool {
        let (family, name) = &self.resources[0];
        text.contains(&format!("{family}.{name}")) || (*family == "flags" && text.contains("postgres.main"))
    }

    /// A playbook that asks for these accesses and does it.
    pub fn script(&self, access: &str) -> String {
        self.headed(access, "")
    }

    /// The same that leaves things as they are when it fails.
    pub fn left(&self, access: &str) -> String {
        self.headed(access, "//! on_failure = \"stop\"\n")
    }

    fn headed(&self, access: &str, more: &str) -> String {
        let uses: Vec<String> =
            self.resources.iter().map(|(family, name)| format!("\"{family}.{name}:{access}\"")).collect();
        format!("//! T.\n//!\n//! uses = [{}]\n{more}{};\n", uses.join(", "), self.line)
    }
}

/// Where the commas between the arguments are, and where the list ends.
fn arguments(text: &str) -> Option<(Vec<usize>, usize)> {
    let (mut depth, mut quote, mut commas) = (0, None, Vec::new());
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '`' | '\'') => quote = Some(letter),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')') if depth == 0 => return Some((commas, at)),
            (None, ')' | ']' | '}') => depth -= 1,
            (None, ',') if depth == 0 => commas.push(at),
            _ => {}
        }
    }
    None
}

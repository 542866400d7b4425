//! Random scripts: every form, nested, whose effects depend on what they read and counted before.

use std::fmt::Write as _;

/// The choices of an author, one by one. Once they are used up each is the first one, so that fewer and smaller numbers
/// make a shorter script: that is how a failing one shrinks.
struct Dice<'a>(std::slice::Iter<'a, u32>);

impl Dice<'_> {
    fn below(&mut self, most: u64) -> u64 {
        self.0.next().map_or(0, |choice| u64::from(*choice) % most)
    }
}

/// Writes scripts.
struct Author<'a> {
    dice: Dice<'a>,
    text: String,
    names: u64,
    /// The branch of `parallel` that is being written: it has keys and counters of its own.
    branch: String,
}

/// The playbook that these choices make.
pub(super) fn of(choices: &[u32]) -> String {
    let mut dice = Dice(choices.iter());
    let fails = dice.below(4) == 3;
    let mut author = Author { dice, text: String::new(), names: 0, branch: String::new() };
    author.text.push_str(
        "//! T.\n//! uses = [\"fake.w:destroy\"]\nfn twice(w, key, x) { w.put(key, x); w.put(key, x + 1); x + 2 }\n\
         let w = fake(\"w\");\nlet n = 0;\nlet x = 1;\nlet u = 0;\n",
    );
    author.block(0, 3);
    if fails {
        author.text.push_str("fail(\"at the end\");\n");
    }
    author.text
}

impl Author<'_> {
    fn name(&mut self) -> u64 {
        self.names += 1;
        self.names
    }

    fn key(&mut self) -> String {
        format!("{}{}", self.branch, ["a", "b", "c"][self.dice.below(3) as usize])
    }

    fn block(&mut self, depth: u64, most: u64) {
        for _ in 0..=self.dice.below(most) {
            self.statement(depth);
        }
    }

    fn inner(&mut self, depth: u64) {
        self.block(depth + 1, 2);
    }

    fn statement(&mut self, depth: u64) {
        let (key, name, branch) = (self.key(), self.name(), self.branch.clone());
        // A mark is set once in a run: a branch that runs in a loop has its turn in it.
        let tag = if branch.is_empty() { String::new() } else { format!("{branch}-${{u}}-") };
        let kinds = if depth < 3 { 15 } else { 7 };
        let line = match self.dice.below(kinds) {
            0 | 1 => format!("n += 1; w.mark(`{tag}{name}-${{n}}`);"),
            2 => format!("x += 1; w.put(\"{key}\", x);"),
            3 => format!("x += w.get(\"{key}\");"),
            4 => format!("x = twice(w, \"{key}\", x % 100);"),
            5 => format!("let t{name} = now(); check \"same\", t{name} == t{name};"),
            6 => "wait(\"1ms\"); log(`${x}`);".to_owned(),
            13 if branch.is_empty() => return self.parallel(name, depth),
            13 | 14 => {
                format!("let f{name} = |q| {{ w.put(\"{key}\", q); q + 1 }}; x = f{name}.call(x % 50);")
            }
            form => return self.form(form, (&key, name, &tag), depth),
        };
        let _ = writeln!(self.text, "{line}");
    }

    fn form(&mut self, form: u64, (key, name, tag): (&str, u64, &str), depth: u64) {
        let begin = match form {
            7 | 8 => format!("step \"S{name}\" {{ n += 1; let y{name} = n;"),
            9 => format!("for i{name} in 0..{} {{", self.dice.below(3) + 1),
            10 => format!("if w.get(\"{key}\") % 2 == 0 {{"),
            11 => "try {".to_owned(),
            _ => format!("let r{name} = 0; retry 3 every \"1ms\" {{ r{name} += 1;"),
        };
        let _ = writeln!(self.text, "{begin}");
        self.inner(depth);
        let end = match form {
            7 => format!("}} rollback {{ w.mark(`{tag}rb{name}-${{y{name}}}`); }}"),
            10 => "} else { x += 1; }".to_owned(),
            11 => format!("fail(\"f{name}\"); }} catch(e) {{ n += 1; w.mark(`{tag}${{e.what}}-${{n}}`); }}"),
            12 => format!("if r{name} < 2 {{ fail(\"again\"); }} }}"),
            _ => "}".to_owned(),
        };
        let _ = writeln!(self.text, "{end}");
    }

    fn parallel(&mut self, name: u64, depth: u64) {
        self.text.push_str("u += 1; x += parallel([\n");
        for number in 0..2 {
            self.branch = format!("p{name}{number}");
            self.text.push_str("|| { let n = 0; let x = 2;\n");
            self.block(depth.max(1) + 1, 2);
            self.text.push_str("x },\n");
        }
        self.branch.clear();
        self.text.push_str("]).reduce(|sum, one| sum + one, 0) % 1000;\n");
    }
}

//! Values of constants, worked out from their source: as much of Rust as constants are written in.

use std::fmt;

/// A constant's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Number(i128),
    /// A span or a time, in nanoseconds.
    Span(i128),
    /// Several values, of a tuple or a list.
    Several(Vec<Self>),
    /// A struct's fields.
    Fields(Vec<(String, Self)>),
    /// A text.
    Text(String),
}

/// One word of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Number(i128),
    Word(String),
    Text(String),
    Sign(&'static str),
}

/// Signs, the longer ones first.
const SIGNS: [&str; 20] =
    ["::", "<<", ">>", "..", "(", ")", "[", "]", "{", "}", "<", ">", ",", ":", ".", "+", "-", "*", "/", "&"];

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let len = if first.is_ascii_digit() {
            let len = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let digits = rest[..len].replace('_', "");
            let number =
                digits.strip_prefix("0x").map_or_else(|| digits.parse().ok(), |hex| i128::from_str_radix(hex, 16).ok());
            found.push(Token::Number(number?));
            len
        } else if first.is_alphabetic() || first == '_' {
            let len = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            found.push(Token::Word(rest[..len].to_string()));
            len
        } else if first == '"' {
            let len = rest[1..].find('"')? + 2;
            found.push(Token::Text(rest[1..len - 1].to_string()));
            len
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign))?;
            found.push(Token::Sign(sign));
            sign.len()
        };
        rest = rest[len..].trim_start();
    }
    Some(found)
}

/// The value of an expression. `named` knows the constants that it may name, by their path.
pub fn value(text: &str, named: &dyn Fn(&[String]) -> Option<Value>) -> Option<Value> {
    let mut reader = Reader { tokens: tokens(text)?, at: 0, named };
    let value = reader.shifts()?;
    (reader.at == reader.tokens.len()).then_some(value)
}

struct Reader<'a> {
    tokens: Vec<Token>,
    at: usize,
    named: &'a dyn Fn(&[String]) -> Option<Value>,
}

impl Reader<'_> {
    fn takes(&mut self, sign: &str) -> bool {
        let is = matches!(self.tokens.get(self.at), Some(Token::Sign(found)) if *found == sign);
        self.at += usize::from(is);
        is
    }
    fn next(&mut self) -> Option<Token> {
        self.at += 1;
        self.tokens.get(self.at - 1).cloned()
    }
    fn two(&mut self, signs: [&str; 2], deeper: fn(&mut Self) -> Option<Value>) -> Option<Value> {
        let mut left = deeper(self)?;
        while let Some(sign) = signs.iter().find(|sign| self.takes(sign)) {
            let right = deeper(self)?;
            let (Value::Number(a), Value::Number(b)) = (&left, &right) else { return None };
            left = Value::Number(match *sign {
                "<<" => a << b,
                ">>" => a >> b,
                "+" => a + b,
                "-" => a - b,
                "*" => a * b,
                _ => a.checked_div(*b)?,
            });
        }
        Some(left)
    }
    fn shifts(&mut self) -> Option<Value> {
        self.two(["<<", ">>"], Self::sums)
    }
    fn sums(&mut self) -> Option<Value> {
        self.two(["+", "-"], Self::products)
    }
    fn products(&mut self) -> Option<Value> {
        self.two(["*", "/"], Self::casts)
    }
    /// `x as u64` and `x.ns()` are `x`.
    fn casts(&mut self) -> Option<Value> {
        let mut it = self.single()?;
        loop {
            if self.tokens.get(self.at) == Some(&Token::Word("as".into())) {
                self.at += 2;
            } else if self.takes(".") {
                if self.next()? != Token::Word("ns".into()) || !self.takes("(") || !self.takes(")") {
                    return None;
                }
                let Value::Span(ns) = it else { return None };
                it = Value::Number(ns);
            } else {
                return Some(it);
            }
        }
    }
    fn list(&mut self, end: &str) -> Option<Vec<Value>> {
        let mut found = Vec::new();
        while !self.takes(end) {
            found.push(self.shifts()?);
            if !self.takes(",") && !matches!(self.tokens.get(self.at), Some(Token::Sign(sign)) if *sign == end) {
                return None;
            }
        }
        Some(found)
    }
    fn single(&mut self) -> Option<Value> {
        match self.next()? {
            Token::Number(number) => Some(Value::Number(number)),
            Token::Text(text) => Some(Value::Text(text)),
            Token::Sign("&") => self.single(),
            Token::Sign("[") => Some(Value::Several(self.list("]")?)),
            Token::Sign("(") => {
                let mut inner = self.list(")")?;
                if inner.len() == 1 { inner.pop() } else { Some(Value::Several(inner)) }
            }
            Token::Word(first) => self.path(first),
            Token::Sign(_) => None,
        }
    }
    fn path(&mut self, first: String) -> Option<Value> {
        let mut path = vec![first];
        while self.takes("::") {
            let Token::Word(next) = self.next()? else { return None };
            path.push(next);
        }
        if self.takes("(") {
            let arguments = self.list(")")?;
            let [Value::Number(n)] = arguments[..] else { return None };
            let unit = match path.last()?.as_str() {
                "from_secs" => 1_000_000_000,
                "from_ms" => 1_000_000,
                "from_us" => 1_000,
                "from_ns" => 1,
                _ => return None,
            };
            return Some(Value::Span(n * unit));
        }
        if self.takes("{") {
            let mut fields = Vec::new();
            while !self.takes("}") {
                let Token::Word(name) = self.next()? else { return None };
                if !self.takes(":") {
                    return None;
                }
                fields.push((name, self.shifts()?));
                let _ = self.takes(",");
            }
            return Some(Value::Fields(fields));
        }
        (self.named)(&path)
    }
}

/// A number with its thousands apart.
pub fn grouped(number: i128) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A span in the greatest unit that shows it without loss.
pub fn span(ns: i128) -> String {
    const S: i128 = 1_000_000_000;
    let units = [(3600 * S, "h"), (60 * S, "min"), (S, "s"), (S / 1_000, "ms"), (S / 1_000_000, "us"), (1, "ns")];
    if ns == 0 {
        return "0 s".to_string();
    }
    for (unit, name) in units {
        // Sources say seconds up to a few minutes.
        let few = matches!(name, "h" | "min") && ns < 300 * S;
        if !few && ns % unit == 0 {
            return format!("{} {name}", grouped(ns / unit));
        }
        let tenth = unit / 10;
        if matches!(name, "s" | "ms") && ns >= unit && ns % tenth == 0 {
            return format!("{}.{} {name}", ns / unit, ns % unit / tenth);
        }
    }
    String::new()
}

/// A number of bytes.
fn bytes(number: i128) -> String {
    match number {
        n if n >= 1 << 20 && n % (1 << 20) == 0 => format!("{} MiB", grouped(n >> 20)),
        n if n >= 1 << 10 && n % (1 << 10) == 0 => format!("{} KiB", grouped(n >> 10)),
        n => format!("{} bytes", grouped(n)),
    }
}

/// A ratio as a decimal number.
fn ratio(a: i128, b: i128) -> String {
    let thousandths = format!("{}.{:03}", a / b, a % b * 1_000 / b);
    thousandths.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// A value in its unit, as people read it.
pub fn human(value: &Value, unit: &str) -> String {
    match (value, unit) {
        (Value::Span(ns), _) => span(*ns),
        (Value::Text(text), _) => format!("\"{text}\""),
        (Value::Number(n), "bytes") => bytes(*n),
        (Value::Number(n), "s") => span(n * 1_000_000_000),
        (Value::Number(n), "us") => span(n * 1_000),
        (Value::Number(n), "ns") => span(*n),
        (Value::Number(n), "status" | "(no unit)" | "") => grouped(*n),
        (Value::Number(n), "%") => format!("{n} %"),
        (Value::Number(1), unit) if unit.ends_with('s') && !unit.ends_with("us") => {
            format!("1 {}", unit.trim_end_matches('s'))
        }
        (Value::Number(n), unit) => format!("{} {unit}", grouped(*n)),
        (Value::Several(of), "ratio") => match of[..] {
            [Value::Number(a), Value::Number(b)] if b > 0 => ratio(a, b),
            _ => String::new(),
        },
        (Value::Several(of), "bytes" | "s" | "us" | "ns") => {
            of.iter().map(|it| human(it, unit)).collect::<Vec<_>>().join(", ")
        }
        (Value::Several(of), unit) => {
            let plain = of.iter().map(|it| human(it, "")).collect::<Vec<_>>().join(", ");
            format!("{plain} {unit}").trim_end().to_string()
        }
        (Value::Fields(fields), _) => {
            let each = fields.iter().map(|(name, it)| format!("{name} {}", human(it, "")));
            each.collect::<Vec<_>>().join(", ")
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&human(self, ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Value> {
        value(text, &|path| (path.last()? == "TWO").then_some(Value::Number(2)))
    }

    #[test]
    fn constants_are_worked_out() {
        assert_eq!(of("1 << 20"), Some(Value::Number(1 << 20)));
        assert_eq!(of("8 * (1024 + 717) / 3 / (1024 - 717)"), Some(Value::Number(15)));
        assert_eq!(of("crate::a::TWO as u64 + 1"), Some(Value::Number(3)));
        assert_eq!(of("Span::from_ms(5_000 / 3)"), Some(Value::Span(1_666_000_000)));
        assert_eq!(of("Self::of(3)"), None);
        assert_eq!(of("Unknown"), None);
    }

    #[test]
    fn values_are_read_as_people_write_them() {
        let shown = |text: &str, unit: &str| human(&of(text).expect("a value"), unit);
        assert_eq!(shown("Span::from_secs(5)", ""), "5 s");
        assert_eq!(shown("Span::from_secs(120)", ""), "120 s");
        assert_eq!(shown("Span::from_secs(300)", ""), "5 min");
        assert_eq!(shown("Span::from_ms(1_500)", ""), "1.5 s");
        assert_eq!(shown("Span::from_us(1_500)", ""), "1.5 ms");
        assert_eq!(shown("Span::from_us(100)", ""), "100 us");
        assert_eq!(shown("64 << 10", "bytes"), "64 KiB");
        assert_eq!(shown("1448", "bytes"), "1,448 bytes");
        assert_eq!(shown("(12, 10)", "ratio"), "1.2");
        assert_eq!(shown("(1, 10)", "seats"), "1, 10 seats");
        assert_eq!(shown("1", "pods"), "1 pod");
        assert_eq!(shown("Keep { idle: Span::from_secs(30), probes: 9 }", ""), "idle 30 s, probes 9");
    }
}

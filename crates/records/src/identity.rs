//! Identities in the form in which they are compared.

use crate::Id;

/// Domains of public mail providers: they say nothing about the company of a person.
const PUBLIC_MAIL: &[&str] = &[
    "126.com",
    "163.com",
    "aim.com",
    "aol.com",
    "att.net",
    "bigpond.com",
    "bluewin.ch",
    "btinternet.com",
    "comcast.net",
    "cox.net",
    "email.com",
    "fastmail.com",
    "fastmail.fm",
    "foxmail.com",
    "free.fr",
    "freenet.de",
    "gmail.com",
    "gmx.at",
    "gmx.ch",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hey.com",
    "hotmail.ca",
    "hotmail.co.jp",
    "hotmail.co.uk",
    "hotmail.com",
    "hotmail.de",
    "hotmail.es",
    "hotmail.fr",
    "hotmail.it",
    "hushmail.com",
    "icloud.com",
    "laposte.net",
    "libero.it",
    "live.ca",
    "live.co.uk",
    "live.com",
    "live.de",
    "live.fr",
    "live.nl",
    "mac.com",
    "mail.com",
    "mail.de",
    "mail.ru",
    "mailbox.org",
    "me.com",
    "msn.com",
    "naver.com",
    "o2.pl",
    "orange.fr",
    "outlook.com",
    "outlook.de",
    "outlook.es",
    "outlook.fr",
    "outlook.it",
    "pm.me",
    "posteo.de",
    "proton.me",
    "protonmail.ch",
    "protonmail.com",
    "qq.com",
    "rediffmail.com",
    "rocketmail.com",
    "sbcglobal.net",
    "seznam.cz",
    "sfr.fr",
    "sina.com",
    "sky.com",
    "t-online.de",
    "tuta.com",
    "tutanota.com",
    "uol.com.br",
    "verizon.net",
    "virgilio.it",
    "wanadoo.fr",
    "web.de",
    "wp.pl",
    "yahoo.ca",
    "yahoo.co.in",
    "yahoo.co.jp",
    "yahoo.co.uk",
    "yahoo.com",
    "yahoo.com.au",
    "yahoo.com.br",
    "yahoo.de",
    "yahoo.es",
    "yahoo.fr",
    "yahoo.it",
    "yandex.com",
    "yandex.ru",
    "ymail.com",
    "zoho.com",
];

/// Tells whether a domain (in lower case) belongs to a public mail provider.
pub fn is_public_mail(domain: &str) -> bool {
    PUBLIC_MAIL.binary_search(&domain).is_ok()
}

/// Returns the company's domain of an e-mail address in its compared form; none for a public mail provider's.
pub fn company_domain(email: &str) -> Option<&str> {
    let (_, domain) = email.rsplit_once('@')?;
    (!domain.is_empty() && !is_public_mail(domain)).then_some(domain)
}

/// Returns the form in which an identity is compared: e-mail addresses and domains in lower case, phone numbers as E.164,
/// everything else as it is.
pub fn normalise_identity(identity_type: &str, value: &str) -> Id {
    match identity_type {
        "email" => lower(value.trim()),
        "domain" => lower(value.trim().trim_start_matches('@').trim_end_matches('.')),
        "phone" => phone(value),
        _ => Id::from(value),
    }
}

fn lower(text: &str) -> Id {
    let is_lower = text.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase());
    if is_lower { Id::from(text) } else { Id::from(text.to_lowercase()) }
}

/// Returns `+` and digits (ITU-T E.164). `00` in front stands for the plus; an extension is left out, since it names a desk
/// behind the number. A number without a country's code stays without, and equals only itself.
fn phone(value: &str) -> Id {
    let text = value.trim();
    let text = text.strip_prefix("tel:").unwrap_or(text);
    let text = text.find([';', 'x', 'X']).and_then(|end| text.get(..end)).unwrap_or(text);
    // "+49 (0)30" names both ways to dial; only the one from abroad has a plus.
    let text = if text.starts_with('+') { text.replacen("(0)", "", 1) } else { text.to_owned() };
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() {
        return Id::from(value.trim());
    }
    if text.starts_with('+') {
        return Id::from(format!("+{digits}"));
    }
    match digits.strip_prefix("00") {
        Some(rest) => Id::from(format!("+{rest}")),
        None => Id::from(digits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_that_mean_the_same_compare_equal() {
        let cases = [
            ("email", " Pat@ACME.Example ", "pat@acme.example"),
            ("email", "Jörg@Ärzte.example", "jörg@ärzte.example"),
            ("domain", "@Acme.Example.", "acme.example"),
            ("phone", "+1 (555) 01-00", "+1555 0100"),
            ("phone", "001.555.0100", "+15550100"),
            ("phone", "tel:+1-555-0100;ext=7", "+15550100"),
            ("phone", "+1 555 0100 x12", "+15550100"),
            ("phone", "+49 (0)30 123456", "+49 30 123456"),
        ];
        for (kind, one, other) in cases {
            assert_eq!(normalise_identity(kind, one), normalise_identity(kind, other), "{one}");
        }
        assert_eq!(normalise_identity("phone", "+1 (555) 0100"), "+15550100");
        assert_eq!(normalise_identity("phone", "unknown"), "unknown");
        assert_eq!(normalise_identity("stripe", "cus_AbC"), "cus_AbC");
        assert_ne!(normalise_identity("phone", "5550100"), normalise_identity("phone", "+15550100"));
    }

    #[test]
    fn public_mail_is_no_company() {
        assert!(PUBLIC_MAIL.is_sorted());
        assert_eq!(company_domain("pat@acme.example"), Some("acme.example"));
        assert_eq!(company_domain("pat@gmail.com"), None);
        assert_eq!(company_domain("pat"), None);
        assert_eq!(company_domain("pat@"), None);
    }
}

//! The language of a text, by its commonest words.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Languages and words that are common in them, without accents.
const STOP_WORDS: [(&str, &str); 7] = [
    (
        "en",
        "the and is are of to in that it for you with this was not have what we our my can how do does please would could i on be your there at if an has been will from they me us about any when where why",
    ),
    (
        "de",
        "der die das und ist sind nicht ich wir sie es ein eine einen einem einer mit von zu auf fuer im den dem des haben hat wird werden koennen kann wie was bitte unser unsere uns mir auch noch nur aber wenn bei nach seit mehr sehr zum zur ihr ihre ihren",
    ),
    (
        "fr",
        "le la les et est sont pas je nous vous il elle un une des du de avec pour dans sur ne que qui ce cette avons avez notre votre mais ou ou bonjour merci plus tout peut comment au aux",
    ),
    (
        "es",
        "el la los las y es son no yo nosotros usted un una unos de del con para en que por se lo nuestro nuestra pero como mas hola gracias puede tenemos esta este muy al su sus",
    ),
    (
        "it",
        "il lo la gli le e sono non io noi voi un una di del della con per in che si nostro nostra ma come piu ciao grazie puo abbiamo questo questa molto al dei delle",
    ),
    (
        "nl",
        "de het een en is zijn niet ik wij we jullie u met van voor op in dat die onze mijn maar hoe kan bedankt naar ook nog wel er bij om te hebben heeft wordt",
    ),
    (
        "pt",
        "o a os as e sao nao eu nos voce um uma de do da com para em que por se nosso nossa mas como mais ola obrigado pode temos este esta muito ao dos das",
    ),
];

static LANGUAGES_OF: LazyLock<BTreeMap<&'static str, u8>> = LazyLock::new(|| {
    let mut words = BTreeMap::new();
    for (number, (_, list)) in STOP_WORDS.iter().enumerate() {
        for word in list.split(' ') {
            *words.entry(word).or_insert(0) |= 1 << number;
        }
    }
    words
});

/// Returns the language (ISO 639-1) that at least three common words of a text speak for, more than for any other.
pub fn language(text: &str) -> Option<&'static str> {
    const WORDS: usize = 200;
    let mut counts = [0_u32; STOP_WORDS.len()];
    let mut word = String::new();
    for part in text.split(|c: char| !c.is_alphabetic()).filter(|p| !p.is_empty()).take(WORDS) {
        word.clear();
        crate::tokens::fold_word(part, &mut word);
        let languages = LANGUAGES_OF.get(word.as_str()).copied().unwrap_or(0);
        for (number, count) in counts.iter_mut().enumerate() {
            *count += u32::from(languages >> number & 1);
        }
    }
    let best = counts.iter().max().copied().filter(|best| *best >= 3)?;
    let mut at = counts.iter().enumerate().filter(|(_, count)| **count == best).map(|(number, _)| number);
    match (at.next(), at.next()) {
        (Some(number), None) => STOP_WORDS.get(number).map(|(name, _)| *name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::language;

    #[test]
    fn languages_are_told_apart() {
        assert_eq!(language("Could you please tell me what the premium plan would cost?"), Some("en"));
        assert_eq!(language("Können Sie mir bitte sagen, wie wir das mit unserem ERP verbinden?"), Some("de"));
        assert_eq!(language("Bonjour, nous ne pouvons pas ouvrir la page avec notre compte."), Some("fr"));
        assert_eq!(language("No podemos entrar en la cuenta de nuestro equipo, gracias por la ayuda."), Some("es"));
        assert_eq!(language("OK"), None);
        assert_eq!(language("XR-900 4711"), None);
        assert_eq!(language(""), None);
    }
}

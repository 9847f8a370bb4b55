//! Letters for marks. Chinese needs a font of some megabytes, which systems have and we do not ship: the operator's choice, else
//! one that is installed where systems keep theirs. Where there is none, plain letters are drawn, and the operator is told.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ab_glyph::{Font, FontVec};

/// Where systems keep fonts with Chinese letters, with the face in the file that is drawn for Chinese.
const INSTALLED: [(&str, u32); 9] = [
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", 0),
    ("/usr/share/fonts/wenquanyi/wqy-microhei/wqy-microhei.ttc", 0),
    ("/System/Library/Fonts/STHeiti Light.ttc", 0),
    ("C:\\Windows\\Fonts\\msyh.ttc", 0),
];

/// A letter that every font for Chinese has.
const CHINESE: char = '拍';

/// The font that the operator names cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the font {} cannot be used: {reason}; name a TTF, OTF or TTC file with MORTISE_FONT, or leave it out", path.display())]
pub(crate) struct FontError {
    path: PathBuf,
    reason: String,
}

/// The letters that marks are drawn with. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Fonts(Option<Arc<FontVec>>);

impl std::fmt::Debug for Fonts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "a font" } else { "no font" })
    }
}

impl Fonts {
    /// The font at this place, else one that is installed, else none.
    pub(crate) fn open(chosen: Option<&Path>) -> Result<Fonts, FontError> {
        if let Some(path) = chosen {
            let font = read(path, 0).map_err(|reason| FontError { path: path.to_owned(), reason })?;
            return Ok(Fonts(Some(Arc::new(font))));
        }
        let found = INSTALLED.iter().find_map(|(path, face)| read(Path::new(path), *face).ok());
        Ok(Fonts(found.map(Arc::new)))
    }

    /// No letters but the plain ones.
    pub(crate) fn none() -> Fonts {
        Fonts::default()
    }

    /// Whether Chinese can be written.
    pub(crate) fn has_chinese(&self) -> bool {
        self.0.as_ref().is_some_and(|font| has(font, CHINESE))
    }

    /// The font, if it has all letters of these words.
    pub(super) fn of(&self, words: &str) -> Option<&FontVec> {
        self.0
            .as_deref()
            .filter(|font| words.chars().all(|letter| letter.is_whitespace() || has(font, letter)))
    }
}

fn has(font: &FontVec, letter: char) -> bool {
    font.glyph_id(letter).0 != 0
}

fn read(path: &Path, face: u32) -> Result<FontVec, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    FontVec::try_from_vec_and_index(bytes, face).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_font_that_is_named_and_not_there_is_told_with_its_path() {
        let told = Fonts::open(Some(Path::new("/no/such/font.ttf"))).unwrap_err().to_string();
        assert!(told.contains("/no/such/font.ttf") && told.contains("MORTISE_FONT"), "{told}");
    }

    #[test]
    fn words_are_written_only_with_a_font_that_has_all_their_letters() {
        let fonts = Fonts::open(None).unwrap();
        assert!(Fonts::none().of("a").is_none());
        assert_eq!(fonts.of("a").is_some(), fonts.of("2026").is_some());
        assert!(fonts.of("\u{F0000}").is_none());
    }
}

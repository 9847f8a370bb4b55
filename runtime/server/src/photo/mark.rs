//! The mark below a photo: lines of white letters on a dark strip through which the photo can be seen. Drawn into the picture, so
//! that it cannot be taken off.

use ab_glyph::{Font, FontVec, PxScale, ScaleFont, point};
use font8x8::UnicodeFonts;
use image::{DynamicImage, Rgb, RgbImage};

/// How much of the photo is left in the strip.
const STRIP: f32 = 0.42;
/// Height of letters against the shorter edge of the photo, and the smallest that can be read.
const LETTER_SHARE: f32 = 0.032;
const LETTER_MIN: f32 = 14.0;
/// From line to line, and from the edge, in heights of letters.
const LINE: f32 = 1.35;
const EDGE: f32 = 0.7;
/// Letters of plain writing are squares of so many dots.
const DOTS: u32 = 8;

/// A line of the mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// What is written.
    pub(crate) words: String,
    /// The same in plain letters, where no font has those of the words.
    pub(crate) plain: String,
}

/// The picture with its mark.
pub(super) fn drawn(picture: DynamicImage, lines: &[Line], fonts: &super::Fonts) -> RgbImage {
    let mut picture = picture.into_rgb8();
    let height = (picture.width().min(picture.height()) as f32 * LETTER_SHARE).max(LETTER_MIN);
    let room = picture.width() as f32 - 2.0 * EDGE * height;
    let pens: Vec<Pen> = lines.iter().flat_map(|line| Pen::lines(line, fonts, height, room)).collect();
    if pens.is_empty() {
        return picture;
    }
    let strip = (pens.len() as f32 * LINE * height + 2.0 * EDGE * height) as u32;
    let top = picture.height().saturating_sub(strip);
    for y in top..picture.height() {
        for x in 0..picture.width() {
            let Rgb(light) = picture.get_pixel_mut(x, y);
            *light = light.map(|part| (f32::from(part) * STRIP) as u8);
        }
    }
    for (index, pen) in pens.iter().enumerate() {
        let y = top as f32 + EDGE * height + index as f32 * LINE * height;
        pen.write(&mut picture, EDGE * height, y, height);
    }
    picture
}

/// Words with what they are written with.
struct Pen<'a> {
    words: String,
    font: Option<&'a FontVec>,
}

impl<'a> Pen<'a> {
    /// A line, broken where the picture ends.
    fn lines(line: &Line, fonts: &'a super::Fonts, height: f32, room: f32) -> Vec<Pen<'a>> {
        let font = fonts.of(&line.words);
        let words = if font.is_some() { line.words.trim() } else { line.plain.trim() };
        let mut pens: Vec<Pen> = Vec::new();
        let mut left = 0.0;
        for letter in words.chars() {
            let wide = advance(font, letter, height);
            match pens.last_mut() {
                Some(pen) if left >= wide => pen.words.push(letter),
                _ => {
                    pens.push(Pen { words: letter.to_string(), font });
                    left = room;
                }
            }
            left -= wide;
        }
        pens
    }

    fn write(&self, picture: &mut RgbImage, mut x: f32, y: f32, height: f32) {
        for letter in self.words.chars() {
            match self.font {
                Some(font) => glyph(picture, font, letter, (x, y), height),
                None => dots(picture, letter, (x, y), height),
            }
            x += advance(self.font, letter, height);
        }
    }
}

fn advance(font: Option<&FontVec>, letter: char, height: f32) -> f32 {
    match font {
        Some(font) => {
            let font = font.as_scaled(PxScale::from(height));
            font.h_advance(font.glyph_id(letter))
        }
        None => dot(height) * DOTS as f32,
    }
}

/// Side of a dot of plain writing: whole pixels, or letters are uneven.
fn dot(height: f32) -> f32 {
    (height / DOTS as f32).floor().max(1.0)
}

fn glyph(picture: &mut RgbImage, font: &FontVec, letter: char, (x, y): (f32, f32), height: f32) {
    let scaled = font.as_scaled(PxScale::from(height));
    let glyph = scaled.glyph_id(letter).with_scale_and_position(height, point(x, y + scaled.ascent()));
    let Some(outline) = font.outline_glyph(glyph) else { return };
    let bounds = outline.px_bounds();
    outline.draw(|dx, dy, cover| {
        let (x, y) = (bounds.min.x as i64 + i64::from(dx), bounds.min.y as i64 + i64::from(dy));
        whiten(picture, x, y, cover);
    });
}

fn dots(picture: &mut RgbImage, letter: char, (x, y): (f32, f32), height: f32) {
    let rows = font8x8::BASIC_FONTS.get(letter).or_else(|| font8x8::BASIC_FONTS.get('?')).unwrap_or_default();
    let side = dot(height) as i64;
    for (row, bits) in rows.iter().enumerate() {
        for column in (0..DOTS as i64).filter(|column| bits >> column & 1 == 1) {
            for (dx, dy) in (0..side * side).map(|at| (at % side, at / side)) {
                whiten(picture, x as i64 + column * side + dx, y as i64 + row as i64 * side + dy, 1.0);
            }
        }
    }
}

fn whiten(picture: &mut RgbImage, x: i64, y: i64, cover: f32) {
    let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
    if let Some(Rgb(light)) = picture.get_pixel_mut_checked(x, y) {
        let cover = cover.clamp(0.0, 1.0);
        *light = light.map(|part| (f32::from(part) + (255.0 - f32::from(part)) * cover) as u8);
    }
}

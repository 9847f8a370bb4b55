//! Photos as they come in: decoded within limits, turned upright, hashed by their looks, and marked with who took them, when and
//! where. Nothing of it trusts the picture: what cannot be decoded is refused, and what is huge is refused before it is decoded.

mod fonts;
mod look;
mod mark;
mod preview;

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};
use tokio::sync::Semaphore;

pub(crate) use fonts::Fonts;
pub(crate) use mark::Line;
pub(crate) use preview::Previews;
pub(crate) use preview::WORTHWHILE_BYTES;

/// Longest edge of a marked photo; what is written on a sign can still be read, and it is a third of what a phone gives.
const EDGE_MAX: u32 = 2560;
/// Longest edge that is decoded, and most bytes it may take: the largest cameras of phones have 200 million pixels.
const EDGE_DECODED_MAX: u32 = 20_000;
const DECODED_BYTES_MAX: u64 = 640 * 1024 * 1024;
/// No loss that anybody sees.
const QUALITY: u8 = 88;
/// Photos worked on at once: each takes a processor for some tenths of a second and some hundred megabytes.
static TURNS: Semaphore = Semaphore::const_new(2);
/// A photo with more pixels than this is worked on alone.
const SHARED_PIXELS_MAX: u64 = 50_000_000;

/// Why a picture is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PhotoError {
    /// It cannot be decoded.
    #[error("this is not a JPEG, PNG or WebP picture: {0}")]
    NotAPicture(String),
    /// It is larger than anything a phone takes.
    #[error("the picture has too many pixels")]
    TooManyPixels,
    /// It could not be worked on.
    #[error("the picture could not be worked on: {0}")]
    Failed(String),
}

impl PhotoError {
    /// The stable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            PhotoError::NotAPicture(_) => "photo.not_a_picture",
            PhotoError::TooManyPixels => "photo.too_many_pixels",
            PhotoError::Failed(_) => "photo.failed",
        }
    }
}

/// What came out.
#[derive(Debug)]
pub(crate) struct Taken {
    /// 64 bits by which pictures that look alike are found.
    pub(crate) look: u64,
    /// The picture with its mark as JPEG; none where no mark was asked for.
    pub(crate) marked: Option<Vec<u8>>,
}

/// Looks at a photo, and draws a mark of these lines into it, if there are any; beside others, at its turn.
pub(crate) async fn take(
    original: bytes::Bytes,
    mark: Option<Vec<Line>>,
    fonts: Fonts,
) -> Result<Taken, PhotoError> {
    at_turn(turns_of(&original), move || work(&original, mark.as_deref(), &fonts)).await
}

/// Works on a picture where nobody waits, when it is its turn.
async fn at_turn<T: Send + 'static>(
    turns: u32,
    work: impl FnOnce() -> Result<T, PhotoError> + Send + 'static,
) -> Result<T, PhotoError> {
    let failed = |error: &dyn std::fmt::Display| PhotoError::Failed(error.to_string());
    let turn = TURNS.acquire_many(turns).await.map_err(|error| failed(&error))?;
    let work = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(turn);
        done
    });
    work.await.map_err(|error| failed(&error))?
}

/// How many turns a photo takes, as far as its head tells.
fn turns_of(original: &[u8]) -> u32 {
    let reader = ImageReader::new(Cursor::new(original)).with_guessed_format().ok();
    let size = reader.and_then(|reader| reader.into_dimensions().ok());
    let large = size.is_some_and(|(width, height)| u64::from(width) * u64::from(height) > SHARED_PIXELS_MAX);
    if large { 2 } else { 1 }
}

fn work(original: &[u8], mark: Option<&[Line]>, fonts: &Fonts) -> Result<Taken, PhotoError> {
    let picture = decode(original)?;
    let look = look::of(&picture);
    let marked =
        mark.map(|lines| encode(&mark::drawn(shrunk(picture), lines, fonts), QUALITY)).transpose()?;
    Ok(Taken { look, marked })
}

/// The picture upright.
fn decode(bytes: &[u8]) -> Result<DynamicImage, PhotoError> {
    let wrong = |error: image::ImageError| match error {
        image::ImageError::Limits(_) => PhotoError::TooManyPixels,
        error => PhotoError::NotAPicture(error.to_string()),
    };
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| PhotoError::NotAPicture(error.to_string()))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(EDGE_DECODED_MAX);
    limits.max_image_height = Some(EDGE_DECODED_MAX);
    limits.max_alloc = Some(DECODED_BYTES_MAX);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(wrong)?;
    let (width, height) = decoder.dimensions();
    // Some kinds of picture have more bytes for each dot than the three that are drawn.
    let bytes = decoder.total_bytes().max(u64::from(width) * u64::from(height) * 3);
    if bytes > DECODED_BYTES_MAX {
        return Err(PhotoError::TooManyPixels);
    }
    let orientation = decoder.orientation().map_err(wrong)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(wrong)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn shrunk(picture: DynamicImage) -> DynamicImage {
    match picture.width().max(picture.height()) > EDGE_MAX {
        true => picture.resize(EDGE_MAX, EDGE_MAX, FilterType::Triangle),
        false => picture,
    }
}

fn encode(picture: &image::RgbImage, quality: u8) -> Result<Vec<u8>, PhotoError> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode_image(picture)
        .map_err(|error| PhotoError::Failed(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture with something in it: soft hills of light, different for each seed.
    fn picture(width: u32, height: u32, seed: f32) -> DynamicImage {
        let light = |x: u32, y: u32| {
            let (x, y) = (x as f32 / width as f32, y as f32 / height as f32);
            let value = (x * (5.0 + seed)).sin() + (y * (3.0 + seed * 2.0) + x).cos();
            ((value + 2.0) * 60.0) as u8
        };
        DynamicImage::ImageRgb8(image::RgbImage::from_fn(width, height, |x, y| {
            let light = light(x, y);
            image::Rgb([light, light / 2 + 40, 255 - light])
        }))
    }

    fn jpeg(picture: &DynamicImage, quality: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(&picture.to_rgb8()).unwrap();
        bytes
    }

    fn lines() -> Vec<Line> {
        vec![
            Line { words: "林晓雨 Lin Xiaoyu".to_owned(), plain: "lin.xiaoyu".to_owned() },
            Line { words: "2026-11-23 18:32 (UTC+8)".to_owned(), plain: "2026-11-23 18:32".to_owned() },
        ]
    }

    #[test]
    fn a_photo_is_marked_and_shrunk_and_keeps_its_looks() {
        let original = picture(3000, 2000, 1.0);
        let taken = work(&jpeg(&original, 92), Some(&lines()), &Fonts::open(None).unwrap()).unwrap();
        let marked = decode(&taken.marked.unwrap()).unwrap();
        assert_eq!((marked.width(), marked.height()), (EDGE_MAX, 1707));
        // Above the mark nothing has changed but its size.
        let before = original.resize(EDGE_MAX, EDGE_MAX, FilterType::Triangle).to_rgb8();
        let after = marked.to_rgb8();
        let near = |x, y| {
            before.get_pixel(x, y).0.iter().zip(after.get_pixel(x, y).0).all(|(a, b)| a.abs_diff(b) < 24)
        };
        assert!([(10, 10), (1200, 400), (2500, 100)].into_iter().all(|(x, y)| near(x, y)));
        assert!(!(0..EDGE_MAX).all(|x| near(x, 1680)), "the mark is drawn below");
    }

    #[test]
    fn the_same_photo_in_another_size_and_quality_looks_the_same_and_another_does_not() {
        let look = |picture: &DynamicImage, quality| {
            work(&jpeg(picture, quality), None, &Fonts::none()).unwrap().look
        };
        let original = picture(1600, 1200, 1.0);
        let smaller = original.resize(800, 600, FilterType::Triangle);
        let bits = |a: u64, b: u64| (a ^ b).count_ones();
        let first = look(&original, 95);
        assert!(bits(first, look(&smaller, 60)) <= 6);
        assert!(bits(first, look(&picture(1600, 1200, 4.0), 95)) > 12);
    }

    #[test]
    fn what_is_no_picture_or_too_large_is_refused() {
        let refused = |bytes: &[u8]| work(bytes, None, &Fonts::none()).unwrap_err().code();
        assert_eq!(refused(b""), "photo.not_a_picture");
        assert_eq!(refused(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "photo.not_a_picture");
        let whole = jpeg(&picture(200, 100, 1.0), 80);
        assert_eq!(refused(&whole[..60]), "photo.not_a_picture");
        // The head of a picture that says it is 60,000 pixels wide.
        let mut bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bomb.extend([0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60, 8, 2, 0, 0, 0]);
        let refusal = refused(&bomb);
        assert!(["photo.not_a_picture", "photo.too_many_pixels"].contains(&refusal), "{refusal}");
    }

    #[test]
    fn without_any_font_the_plain_words_are_drawn() {
        let original = picture(640, 480, 2.0);
        let blank = work(&jpeg(&original, 92), Some(&[]), &Fonts::none()).unwrap().marked.unwrap();
        let marked = work(&jpeg(&original, 92), Some(&lines()), &Fonts::none()).unwrap().marked.unwrap();
        assert_ne!(blank, marked);
    }
}

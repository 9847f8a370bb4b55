//! Small versions of pictures, for pages that show many of them: made when they are first looked at, and kept in bounded
//! memory. Whoever asks for one was allowed to see the picture before; this knows nothing of people.

use std::num::NonZeroUsize;

use bytes::Bytes;
use image::{DynamicImage, RgbaImage, imageops};
use lru::LruCache;
use parking_lot::Mutex;

use super::{PhotoError, at_turn, decode, encode, turns_of};

/// Longest edge: twice that of a card in a gallery, for sharp screens.
const EDGE_MAX: u32 = 640;
/// What a phone loads for a page of them matters more than what can be seen in one: there is the picture itself for that.
const QUALITY: u8 = 76;
/// Previews kept; each has some 40 kilobytes.
const KEPT: NonZeroUsize = NonZeroUsize::new(400).expect("not zero");
/// A picture that is hardly larger than its preview needs none.
pub(crate) const WORTHWHILE_BYTES: i64 = 64 * 1024;

/// The previews of a server, by the hash of what they show.
pub(crate) struct Previews(Mutex<LruCache<String, Bytes>>);

impl Default for Previews {
    fn default() -> Self {
        Previews(Mutex::new(LruCache::new(KEPT)))
    }
}

impl Previews {
    /// The preview of the contents with this hash, if it is kept.
    pub(crate) fn get(&self, sha256: &str) -> Option<Bytes> {
        self.0.lock().get(sha256).cloned()
    }

    /// Makes the preview of a picture, beside others at its turn, and keeps it.
    pub(crate) async fn make(&self, sha256: &str, original: Bytes) -> Result<Bytes, PhotoError> {
        let preview = Bytes::from(at_turn(turns_of(&original), move || small(&original)).await?);
        self.0.lock().put(sha256.to_owned(), preview.clone());
        Ok(preview)
    }
}

fn small(original: &[u8]) -> Result<Vec<u8>, PhotoError> {
    let picture = decode(original)?;
    let picture = match picture.width().max(picture.height()) > EDGE_MAX {
        true => picture.thumbnail(EDGE_MAX, EDGE_MAX),
        false => picture,
    };
    encode(&opaque(picture).into_rgb8(), QUALITY)
}

/// On white, as paper is: a JPEG shows nothing through.
fn opaque(picture: DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return picture;
    }
    let mut paper = RgbaImage::from_pixel(picture.width(), picture.height(), image::Rgba([255; 4]));
    imageops::overlay(&mut paper, &picture.into_rgba8(), 0, 0);
    DynamicImage::ImageRgba8(paper)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn png(picture: &DynamicImage) -> Vec<u8> {
        let mut bytes = Vec::new();
        picture.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
        bytes
    }

    #[test]
    fn a_preview_is_small_and_nothing_shows_through() {
        let mut picture = RgbaImage::from_pixel(1600, 1200, image::Rgba([0, 0, 0, 0]));
        for (x, _, pixel) in picture.enumerate_pixels_mut().filter(|(x, ..)| *x < 800) {
            *pixel = image::Rgba([200, u8::try_from(x % 7).unwrap(), 0, 255]);
        }
        let preview = decode(&small(&png(&DynamicImage::ImageRgba8(picture))).unwrap()).unwrap().into_rgb8();
        assert_eq!(preview.dimensions(), (640, 480));
        assert!(preview.get_pixel(500, 200).0.iter().all(|part| *part > 245), "the empty half is white");
        assert!(preview.get_pixel(100, 200).0[0] > 180 && preview.get_pixel(100, 200).0[2] < 40);
    }

    #[test]
    fn what_is_small_is_not_enlarged() {
        let picture = DynamicImage::new_rgb8(100, 60);
        let preview = decode(&small(&png(&picture)).unwrap()).unwrap();
        assert_eq!((preview.width(), preview.height()), (100, 60));
    }

    #[tokio::test]
    async fn a_preview_is_kept_and_what_is_no_picture_has_none() {
        let previews = Previews::default();
        let picture = Bytes::from(png(&DynamicImage::new_rgb8(700, 700)));
        let made = previews.make("a", picture).await.unwrap();
        assert_eq!(previews.get("a"), Some(made));
        assert_eq!(previews.get("b"), None);
        assert!(previews.make("b", Bytes::from_static(b"%PDF-1.7")).await.is_err());
        assert_eq!(previews.get("b"), None);
    }
}

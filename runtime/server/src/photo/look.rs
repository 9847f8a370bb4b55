//! What a picture looks like in 64 bits: whether it gets lighter from left to right at 8 × 8 places. Another size, quality or
//! brightness leaves nearly all of them as they are.

use image::DynamicImage;
use image::imageops::FilterType;

const SIDE: u32 = 8;

/// The bits of a picture (a difference hash).
pub(super) fn of(picture: &DynamicImage) -> u64 {
    // First to something small in one cheap step, or large photos take long.
    let small = picture.thumbnail_exact(SIDE * 18, SIDE * 16).to_luma8();
    let light = image::imageops::resize(&small, SIDE + 1, SIDE, FilterType::Triangle);
    let mut bits = 0;
    for y in 0..SIDE {
        for x in 0..SIDE {
            let lighter = light.get_pixel(x, y).0[0] < light.get_pixel(x + 1, y).0[0];
            bits = bits << 1 | u64::from(lighter);
        }
    }
    bits
}

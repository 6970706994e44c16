//! The operator's accent colour as a style sheet, adjusted to the minimum contrast.
//!
//! Pure; it must not know the settings.

/// The backgrounds of `page/style.css`, light and dark.
const BACKGROUNDS: [Colour; 2] = [[0xfb, 0xfa, 0xf7], [0x15, 0x17, 0x1a]];
/// The minimum contrast of text (WCAG 2.2, 1.4.3), with a margin for tinted backgrounds.
const CONTRAST: f64 = 4.9;
/// Steps from a colour to black or white.
const STEPS: u32 = 50;

type Colour = [u8; 3];

/// Returns the style sheet for a colour such as `#b03030`; empty without one.
pub(super) fn css(accent: Option<&str>) -> String {
    let Some(accent) = accent.and_then(parse) else { return String::new() };
    let [light, dark] = BACKGROUNDS.map(|background| write(readable(accent, background)));
    format!(
        ":root {{ --accent: {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ --accent: {dark} }} }}\n"
    )
}

/// Returns the nearest colour with sufficient contrast to the background.
fn readable(colour: Colour, background: Colour) -> Colour {
    let end = if luminance(background) > 0.5 { 0.0 } else { 255.0 };
    let mixed = |step: u32| {
        let part = f64::from(step) / f64::from(STEPS);
        colour.map(|value| {
            let value = f64::from(value).mul_add(1.0 - part, end * part).round();
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 255")]
            let value = value as u8;
            value
        })
    };
    let found = (0..=STEPS).map(mixed).find(|mixed| contrast(*mixed, background) >= CONTRAST);
    found.unwrap_or(colour)
}

fn contrast(a: Colour, b: Colour) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn luminance(colour: Colour) -> f64 {
    let [red, green, blue] = colour.map(|value| {
        let part = f64::from(value) / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn parse(text: &str) -> Option<Colour> {
    let digits = text.strip_prefix('#')?;
    let long = match digits.len() {
        3 => digits.chars().flat_map(|digit| [digit, digit]).collect(),
        _ => digits.to_owned(),
    };
    let number = u32::from_str_radix(&long, 16).ok().filter(|_| long.len() == 6)?;
    let [_, red, green, blue] = number.to_be_bytes();
    Some([red, green, blue])
}

fn write([red, green, blue]: Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_can_be_read_on_both_backgrounds() {
        for accent in ["#ffffff", "#000000", "#ffff00", "#b03030", "#777", "#00f"] {
            let colour = parse(accent).unwrap();
            for background in BACKGROUNDS {
                assert!(contrast(readable(colour, background), background) >= CONTRAST, "{accent}");
            }
        }
        assert!(css(Some("#b03030")).contains("--accent: #b03030"), "one that can be read stays");
        assert_eq!((css(None), css(Some("red;}"))), (String::new(), String::new()));
    }

    #[test]
    fn the_backgrounds_are_those_of_the_page() {
        let style = include_str!("page/style.css");
        for background in BACKGROUNDS {
            assert!(style.contains(&format!("--bg: {};", write(background))), "{background:?}");
        }
    }
}

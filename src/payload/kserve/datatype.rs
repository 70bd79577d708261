//! The types of a tensor's elements, in JSON and in binary.

use std::fmt::Write as _;

use half::{bf16, f16};

use crate::payload::Kind;

/// What a tensor says that its elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Datatype {
    Bool,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int32,
    Int64,
    Fp16,
    Bf16,
    Fp32,
    Fp64,
    Bytes,
}

use Datatype::{
    Bf16, Bool, Bytes, Fp16, Fp32, Fp64, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64,
};

/// What elements are, of whichever width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Truth,
    Number,
    Text,
}

impl Datatype {
    /// Every one, by the protocol's word.
    pub(super) const ALL: [(&'static str, Self); 14] = [
        ("BOOL", Bool),
        ("UINT8", Uint8),
        ("UINT16", Uint16),
        ("UINT32", Uint32),
        ("UINT64", Uint64),
        ("INT8", Int8),
        ("INT16", Int16),
        ("INT32", Int32),
        ("INT64", Int64),
        ("FP16", Fp16),
        ("BF16", Bf16),
        ("FP32", Fp32),
        ("FP64", Fp64),
        ("BYTES", Bytes),
    ];

    pub(super) fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == word).map(|(_, datatype)| *datatype)
    }

    pub(super) fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, datatype)| *datatype == self).map_or("BYTES", |(word, _)| word)
    }

    /// Bytes of an element in binary; `None` where each has a length of its own.
    pub(super) fn width(self) -> Option<usize> {
        match self {
            Bool | Uint8 | Int8 => Some(1),
            Uint16 | Int16 | Fp16 | Bf16 => Some(2),
            Uint32 | Int32 | Fp32 => Some(4),
            Uint64 | Int64 | Fp64 => Some(8),
            Bytes => None,
        }
    }

    fn is_float(self) -> bool {
        matches!(self, Fp16 | Bf16 | Fp32 | Fp64)
    }

    /// Whether an element may be spelled so in JSON. `null` is an element that is not there, of any type.
    #[inline]
    pub(super) fn reads(self, kind: Kind, text: &str) -> bool {
        match kind {
            Kind::Null => true,
            Kind::String => self == Bytes,
            Kind::Boolean => self == Bool,
            Kind::Integer => self.is_float() || self.holds_integer(text),
            Kind::Number => self.is_float(),
            Kind::Untyped | Kind::File => false,
        }
    }

    /// Whether an integer is within the bounds: what is beyond would be wrapped by one reader and refused by another.
    #[inline]
    fn holds_integer(self, text: &str) -> bool {
        // So many digits are within the bounds, whichever they are, and most numbers have no more.
        let digits = match self {
            Uint8 | Int8 => 2,
            Uint16 | Int16 => 4,
            Uint32 | Int32 => 9,
            Uint64 | Int64 => 18,
            _ => return false,
        };
        if text.len() <= digits && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return !text.is_empty();
        }
        self.parses_integer(text)
    }

    fn parses_integer(self, text: &str) -> bool {
        let signed = |most: i64| text.parse().is_ok_and(|value: i64| (-most - 1..=most).contains(&value));
        let unsigned = |most: u64| text.parse().is_ok_and(|value: u64| value <= most);
        match self {
            Uint8 => unsigned(u8::MAX.into()),
            Uint16 => unsigned(u16::MAX.into()),
            Uint32 => unsigned(u32::MAX.into()),
            Uint64 => unsigned(u64::MAX),
            Int8 => signed(i8::MAX.into()),
            Int16 => signed(i16::MAX.into()),
            Int32 => signed(i32::MAX.into()),
            Int64 => signed(i64::MAX),
            _ => false,
        }
    }

    /// The type for a tensor of this one that is also to hold this number, which replaces another: itself where the number
    /// fits. A whole number that a short float would round becomes a longer float: two pseudonyms must not become one.
    pub(super) fn with(self, kind: Kind, text: &str) -> Self {
        let whole = kind == Kind::Integer;
        match self {
            Fp64 => Fp64,
            Fp16 | Bf16 | Fp32 if self.keeps(text) => self,
            Fp16 | Bf16 | Fp32 => Fp64,
            _ if whole && self.holds_integer(text) => self,
            _ if whole && self != Uint64 && Int64.holds_integer(text) => Int64,
            _ => Fp64,
        }
    }

    /// Whether a float of this width has this number as it is, or it is a fraction, which all of them round.
    fn keeps(self, text: &str) -> bool {
        let Ok(value) = text.parse::<f64>() else { return false };
        let kept = match self {
            Fp16 => f16::from_f64(value).to_f64(),
            Bf16 => bf16::from_f64(value).to_f64(),
            _ => f64::from(value as f32),
        };
        kept.is_finite() && (value.fract() != 0.0 || kept == value)
    }

    /// The text of a binary element that is no text, to the end of `text`. Not a number is null: with it no comparison
    /// holds, so it may stand where nothing may stand, and nowhere else. `None` where the bytes are no element.
    pub(super) fn spell(self, bytes: &[u8], text: &mut String) -> Option<Kind> {
        let kind = Kind::Integer;
        let written = match self {
            Bool => {
                text.push_str(match bytes {
                    [0] => "false",
                    [1] => "true",
                    _ => return None,
                });
                return Some(Kind::Boolean);
            }
            Uint8 => write!(text, "{}", u8::from_le_bytes(exactly(bytes)?)),
            Uint16 => write!(text, "{}", u16::from_le_bytes(exactly(bytes)?)),
            Uint32 => write!(text, "{}", u32::from_le_bytes(exactly(bytes)?)),
            Uint64 => write!(text, "{}", u64::from_le_bytes(exactly(bytes)?)),
            Int8 => write!(text, "{}", i8::from_le_bytes(exactly(bytes)?)),
            Int16 => write!(text, "{}", i16::from_le_bytes(exactly(bytes)?)),
            Int32 => write!(text, "{}", i32::from_le_bytes(exactly(bytes)?)),
            Int64 => write!(text, "{}", i64::from_le_bytes(exactly(bytes)?)),
            Fp16 => return short(f16::from_le_bytes(exactly(bytes)?).to_f32(), text),
            Bf16 => return short(bf16::from_le_bytes(exactly(bytes)?).to_f32(), text),
            Fp32 => return short(f32::from_le_bytes(exactly(bytes)?), text),
            Fp64 => return long(f64::from_le_bytes(exactly(bytes)?), text),
            Bytes => return None,
        };
        written.ok().map(|()| kind)
    }

    /// Writes a value as a binary element; `None`, and nothing written, where it is none of this type.
    pub(super) fn write(self, kind: Kind, text: &str, out: &mut Vec<u8>) -> Option<()> {
        match (self, kind) {
            (Bytes, Kind::String) => {
                out.extend_from_slice(&u32::try_from(text.len()).ok()?.to_le_bytes());
                out.extend_from_slice(text.as_bytes());
            }
            (Bool, Kind::Boolean) => out.push(u8::from(text == "true")),
            (Fp16 | Bf16 | Fp32 | Fp64, Kind::Null) => self.write_float("nan", out)?,
            (Fp16 | Bf16 | Fp32 | Fp64, Kind::Integer | Kind::Number) => self.write_float(text, out)?,
            (_, Kind::Integer) if self.holds_integer(text) => {
                // INVARIANT: within the bounds, the low bytes of the wide integer are those of the narrow one.
                let value: i128 = text.parse().ok()?;
                out.extend_from_slice(value.to_le_bytes().get(..self.width()?)?);
            }
            _ => return None,
        }
        Some(())
    }

    fn write_float(self, text: &str, out: &mut Vec<u8>) -> Option<()> {
        let value: f64 = text.parse().ok()?;
        match self {
            Fp16 => out.extend_from_slice(&f16::from_f64(value).to_le_bytes()),
            Bf16 => out.extend_from_slice(&bf16::from_f64(value).to_le_bytes()),
            Fp32 => out.extend_from_slice(&text.parse::<f32>().ok()?.to_le_bytes()),
            Fp64 => out.extend_from_slice(&value.to_le_bytes()),
            _ => return None,
        }
        Some(())
    }
}

fn exactly<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

/// The shortest text that is read back as the same number. Beyond these bounds digits would be zeros without end.
const PLAIN: std::ops::Range<f64> = 1e-5..1e17;

fn short(value: f32, text: &mut String) -> Option<Kind> {
    let plain = PLAIN.contains(&f64::from(value.abs()));
    spelled(
        value.into(),
        text,
        |text| if plain { write!(text, "{value}") } else { write!(text, "{value:e}") },
    )
}

fn long(value: f64, text: &mut String) -> Option<Kind> {
    let plain = PLAIN.contains(&value.abs());
    spelled(value, text, |text| if plain { write!(text, "{value}") } else { write!(text, "{value:e}") })
}

/// A whole number has no fraction and no exponent, unless it is beyond what anybody counts.
fn spelled(
    value: f64,
    text: &mut String,
    digits: impl FnOnce(&mut String) -> std::fmt::Result,
) -> Option<Kind> {
    if value.is_nan() {
        text.push_str("null");
        return Some(Kind::Null);
    }
    if value.is_infinite() {
        return None;
    }
    if value == 0.0 {
        // Whatever its sign.
        text.push('0');
        return Some(Kind::Integer);
    }
    let from = text.len();
    digits(text).ok()?;
    let fraction = text.get(from..)?.contains(['.', 'e']);
    Some(if fraction { Kind::Number } else { Kind::Integer })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spell(datatype: Datatype, bytes: &[u8]) -> Option<(Kind, String)> {
        let mut text = String::new();
        datatype.spell(bytes, &mut text).map(|kind| (kind, text))
    }

    proptest! {
        #[test]
        fn every_element_is_read_back_as_it_was(bytes in any::<[u8; 8]>()) {
            for (_, datatype) in Datatype::ALL {
                let Some(width) = datatype.width() else { continue };
                let element = &bytes[..width];
                let Some((kind, text)) = spell(datatype, element) else { continue };
                if kind == Kind::Null || text == "0" && datatype.is_float() {
                    continue;
                }
                prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
                prop_assert!(datatype.reads(kind, &text));
                let mut out = Vec::new();
                prop_assert!(datatype.write(kind, &text, &mut out).is_some());
                prop_assert_eq!(&out, element, "{:?} {}", datatype, text);
            }
        }
    }

    #[test]
    fn what_is_no_number_is_null_and_what_has_no_end_is_nothing() {
        for (datatype, nan, infinite) in [
            (Fp16, f16::NAN.to_le_bytes().to_vec(), f16::NEG_INFINITY.to_le_bytes().to_vec()),
            (Bf16, bf16::NAN.to_le_bytes().to_vec(), bf16::INFINITY.to_le_bytes().to_vec()),
            (Fp32, f32::NAN.to_le_bytes().to_vec(), f32::INFINITY.to_le_bytes().to_vec()),
            (Fp64, (-f64::NAN).to_le_bytes().to_vec(), f64::NEG_INFINITY.to_le_bytes().to_vec()),
        ] {
            assert_eq!(spell(datatype, &nan), Some((Kind::Null, "null".into())));
            assert_eq!(spell(datatype, &infinite), None);
            let mut out = Vec::new();
            datatype.write(Kind::Null, "", &mut out).unwrap();
            assert_eq!(spell(datatype, &out), Some((Kind::Null, "null".into())));
        }
        assert_eq!(spell(Fp64, &(-0.0_f64).to_le_bytes()), Some((Kind::Integer, "0".into())));
        assert_eq!(spell(Fp64, &36.0_f64.to_le_bytes()), Some((Kind::Integer, "36".into())));
        assert_eq!(spell(Fp32, &0.1_f32.to_le_bytes()), Some((Kind::Number, "0.1".into())));
        assert_eq!(spell(Fp64, &1e300_f64.to_le_bytes()), Some((Kind::Number, "1e300".into())));
        assert_eq!(spell(Bool, &[2]), None);
    }

    #[test]
    fn bounds_hold_to_the_last_number() {
        for (datatype, good, bad) in [
            (Uint8, "255", "256"),
            (Uint8, "0", "-1"),
            (Int8, "-128", "-129"),
            (Int16, "32767", "32768"),
            (Uint32, "4294967295", "4294967296"),
            (Uint64, "18446744073709551615", "18446744073709551616"),
            (Int64, "-9223372036854775808", "-9223372036854775809"),
        ] {
            assert!(datatype.reads(Kind::Integer, good));
            assert!(!datatype.reads(Kind::Integer, bad));
            assert!(datatype.write(Kind::Integer, good, &mut Vec::new()).is_some());
            assert!(datatype.write(Kind::Integer, bad, &mut Vec::new()).is_none());
        }
        assert!(!Int64.reads(Kind::Number, "1.0"));
        assert!(!Fp64.reads(Kind::String, "1"));
        assert!(Bytes.reads(Kind::Null, "null"));
    }

    #[test]
    fn a_tensor_is_widened_no_more_than_a_number_needs() {
        for (datatype, kind, text, wider) in [
            (Uint8, Kind::Integer, "30", Uint8),
            (Uint8, Kind::Integer, "300", Int64),
            (Int32, Kind::Integer, "9007199254740991", Int64),
            (Int64, Kind::Number, "2.5", Fp64),
            (Uint64, Kind::Integer, "-1", Fp64),
            (Fp32, Kind::Integer, "16777216", Fp32),
            (Fp32, Kind::Integer, "16777217", Fp64),
            (Fp32, Kind::Number, "0.1", Fp32),
            (Fp32, Kind::Number, "1e39", Fp64),
            (Fp16, Kind::Number, "30.0", Fp16),
            (Fp16, Kind::Integer, "65521", Fp64),
            (Bf16, Kind::Integer, "257", Fp64),
            (Bytes, Kind::Integer, "7", Int64),
            (Bool, Kind::Number, "7.5", Fp64),
        ] {
            assert_eq!(datatype.with(kind, text), wider, "{datatype:?} {text}");
        }
    }
}

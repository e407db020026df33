//! Lipmaa links: from every entry a path of logarithmic length leads back to the first.
//!
//! The numbers are those of Lipmaa and Buldas, "New linking schemes for digital time-stamping"
//! (ICISC 1998), as Bamboo uses them. With t(k) = (3^k − 1) / 2:
//!
//! * the link of t(k) points to t(k − 1);
//! * of any other number one takes away the greatest t below it, again and again, until what
//!   remains is a t itself; its link goes back by that much.
//!
//! Links drawn as arcs over the line of entries never cross. All that this crate knows of partial
//! logs follows from it: who walks back from an entry meets every target of a link that passes
//! over this entry.

/// t(0) to t(41), all that fit into 64 bits.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses bounds and overflows"
)]
const T: [u64; 42] = {
    let mut numbers = [0; 42];
    let mut index = 1;
    while index < numbers.len() {
        numbers[index] = numbers[index - 1] * 3 + 1;
        index += 1;
    }
    numbers
};

/// The sequence number to which the lipmaa link of entry `seq_num` points; 0 for the first entry,
/// which has no link (and for 0, which is no entry).
///
/// ```
/// use pandan_bamboo::lipmaa;
///
/// assert_eq!(lipmaa(7), 6);
/// assert_eq!(lipmaa(8), 4);
/// assert_eq!(lipmaa(40), 13);
/// ```
#[must_use]
pub fn lipmaa(seq_num: u64) -> u64 {
    let mut rest = seq_num;
    for (t, t_below) in descending().zip(descending().skip(1)) {
        if t == seq_num {
            return t_below;
        }
        while let Some(less @ 1..) = rest.checked_sub(t) {
            rest = less;
        }
        if t == rest {
            return seq_num.saturating_sub(rest);
        }
    }
    0
}

/// The smallest t(k) that is not below `seq_num`, when there is one in 64 bits: the entry from
/// which the upper half of a certificate pool starts.
pub(crate) fn next_t(seq_num: u64) -> Option<u64> {
    T.into_iter().find(|&t| t >= seq_num)
}

fn descending() -> impl Iterator<Item = u64> {
    T.into_iter().rev()
}

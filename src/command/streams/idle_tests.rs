//! `XREADGROUP` with `CLAIM`.

use crate::command::tests::Data;

#[test]
fn idle_entries_are_claimed_before_new_ones_are_delivered() {
    let mut data = Data::new();
    for line in ["xadd s 1-0 f a", "xadd s 2-0 f b", "xadd s 3-0 f c", "xgroup create s g 0"] {
        data.run(line);
    }
    data.run("xreadgroup group g c count 1 streams s >");
    data.run("xgroup createconsumer s g d");
    data.now_ms += 100;
    data.expect(&[
        (
            "xreadgroup group g d count 2 claim 50 streams s >",
            "*1|*2|$1|s|*2|*4|$3|1-0|*2|$1|f|$1|a|:100|:1|*4|$3|2-0|*2|$1|f|$1|b|:0|:0",
        ),
        ("xpending s g - + 9", "*2|*4|$3|1-0|$1|d|:0|:2|*4|$3|2-0|$1|d|:0|:1"),
    ]);
    assert_eq!(data.last_effects(), ["xclaim", "xdeliver"]);
    data.now_ms += 40;
    data.expect(&[
        ("xclaim s g c 0 1-0 justid", "*1|$3|1-0"),
        ("xreadgroup group g c claim 50 noack streams s >", "*1|*2|$1|s|*1|*4|$3|3-0|*2|$1|f|$1|c|:0|:0"),
    ]);
    data.now_ms += 10;
    data.expect(&[
        // The entry that has waited longest comes first.
        (
            "xreadgroup group g c claim 10 streams s >",
            "*1|*2|$1|s|*2|*4|$3|2-0|*2|$1|f|$1|b|:50|:1|*4|$3|1-0|*2|$1|f|$1|a|:10|:2",
        ),
        ("xreadgroup group g c claim 1 streams s >", "*-1"),
        ("xreadgroup group g c claim 9223372036854775807 streams s >", "*-1"),
        ("xdel s 1-0", ":1"),
    ]);
    data.now_ms += 10;
    data.expect(&[
        ("xreadgroup group g c claim 10 streams s >", "*1|*2|$1|s|*1|*4|$3|2-0|*2|$1|f|$1|b|:10|:2"),
        ("xpending s g - + 9", "*1|*4|$3|2-0|$1|c|:0|:3"),
        ("xreadgroup group g c claim 10 streams s 0", "*1|*2|$1|s|*1|*2|$3|2-0|*2|$1|f|$1|b"),
    ]);
    assert_eq!(data.replayed().dump(), data.dump());
}

#[test]
fn the_time_of_claimed_entries_is_a_number() {
    let mut data = Data::new();
    data.expect(&[
        ("xadd s 1-0 f v", "$3|1-0"),
        ("xgroup create s g 0", "+OK"),
        ("xreadgroup claim group g c streams s >", "-ERR min-idle-time is not an integer"),
        ("xreadgroup group g c claim +10 streams s >", "-ERR min-idle-time is not an integer"),
        ("xreadgroup group g c claim -10 streams s >", "-ERR min-idle-time must be a positive integer"),
        ("xreadgroup group g claim 50 c streams s >", "-ERR syntax error"),
        (
            "xreadgroup group g c streams s claim 50 >",
            "-NOGROUP No such key 'claim' or consumer group 'g' in XREADGROUP with GROUP option",
        ),
        ("xread claim 5 streams s 0", "-ERR syntax error"),
        ("xreadgroup claim 50 group g c claim 60 streams s >", "*1|*2|$1|s|*1|*4|$3|1-0|*2|$1|f|$1|v|:0|:0"),
    ]);
}

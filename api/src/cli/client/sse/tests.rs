//! Examples of the standard, its corners, and the law that pieces do not matter.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Everything a stream says, when its bytes come in these pieces.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, String, Option<Duration>) {
    let (mut parser, mut events) = (Parser::after(""), Vec::new());
    for piece in pieces {
        parser.feed(piece, |event| events.push(event)).expect("events of a sensible size");
    }
    (events, parser.last_event_id().to_owned(), parser.retry())
}

fn events(stream: &str) -> Vec<Event> {
    read([stream.as_bytes()]).0
}

fn event(name: &str, data: &str, id: &str) -> Event {
    Event { name: name.into(), data: data.into(), id: id.into() }
}

#[test]
fn lines_of_data_are_one_event() {
    let stocks = "data: YHOO\ndata: +2\ndata: 10\n\n";
    assert_eq!(events(stocks), [event("message", "YHOO\n+2\n10", "")]);
}

#[test]
fn comments_ids_and_an_event_cut_off() {
    let stream = ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n";
    assert_eq!(events(stream), [event("message", "first event", "1"), event("message", "second event", "")]);
    assert_eq!(events(&format!("{stream}\n"))[2], event("message", " third event", ""));
}

#[test]
fn empty_data_is_data_and_none_is_no_event() {
    assert_eq!(events("data\n\ndata\ndata\n\ndata:"), [event("message", "", ""), event("message", "\n", "")]);
    let (told, last, _) = read([b"id: 7\nevent: log\n\ndata: a\n\n".as_slice()]);
    assert_eq!((told, last.as_str()), (vec![event("message", "a", "7")], "7"));
}

#[test]
fn one_space_is_not_data() {
    assert_eq!(events("data:test\n\ndata: test\n\n"), [event("message", "test", ""), event("message", "test", "")]);
}

#[test]
fn lines_end_in_three_ways() {
    let expected = [event("log", "a\nb", "1"), event("message", "c", "1")];
    for end in ["\n", "\r", "\r\n"] {
        let stream = "event: log~data: a~data: b~id: 1~~data: c~~".replace('~', end);
        assert_eq!(events(&stream), expected, "{end:?}");
    }
}

#[test]
fn a_mark_at_the_start_is_no_part_of_a_name() {
    assert_eq!(events("\u{feff}data: a\n\n"), [event("message", "a", "")]);
    assert_eq!(events("data: a\n\n\u{feff}data: b\n\n").len(), 1, "in the middle it is");
}

#[test]
fn ids_with_nul_and_times_with_letters_are_passed_over() {
    let (told, last, retry) = read([b"id: 1\nretry: 2500\n\nid: 2\0\nretry: 1s\nretry:\ndata: a\n\n".as_slice()]);
    assert_eq!((told, last.as_str()), (vec![event("message", "a", "1")], "1"));
    assert_eq!(retry, Some(Duration::from_millis(2500)));
}

#[test]
fn the_last_id_of_an_earlier_stream_holds() {
    let mut parser = Parser::after("41");
    let mut told = Vec::new();
    parser.feed(b"data: a\n\nid: 42\ndata: b\n\nid: 43\ndata: cut", |event| told.push(event)).expect("short events");
    assert_eq!(told, [event("message", "a", "41"), event("message", "b", "42")]);
    assert_eq!(parser.last_event_id(), "42", "an event counts when it is whole");
}

#[test]
fn an_endless_line_and_an_endless_event_are_refused() {
    let long = vec![b'a'; MOST_EVENT_BYTES / 2];
    let mut parser = Parser::after("");
    assert_eq!(parser.feed(&long, |_| ()), Ok(()));
    assert_eq!(parser.feed(&long, |_| ()), Ok(()));
    assert_eq!(parser.feed(b"a", |_| ()), Err(TooLong));

    let line = [b"data:", long.as_slice(), b"\n"].concat();
    let mut parser = Parser::after("");
    assert_eq!(parser.feed(&line, |_| ()), Ok(()));
    assert_eq!(parser.feed(&line, |_| ()), Err(TooLong));
}

/// What streams are made of, so that chance meets their corners.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "data",
        "id",
        "event",
        "retry",
        "log",
        ":",
        ": ",
        " ",
        "\n",
        "\r",
        "\r\n",
        "\n\n",
        "\0",
        "\u{feff}",
        "é",
        "7",
        "250",
        "data: a\n",
        "id: 1\n",
    ];
    let word = prop_oneof![
        8 => prop::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 1..3),
    ];
    vec(word, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn pieces_do_not_matter(stream in stream(), cuts in vec(any::<prop::sample::Index>(), 0..20)) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]).collect();
        let whole = read([stream.as_slice()]);
        prop_assert_eq!(read(pieces), whole.clone());
        prop_assert_eq!(read(stream.chunks(1)), whole);
    }

    #[test]
    fn events_arrive_as_they_were_sent(sent in vec(("[a-z]{1,9}", "[^\r\0]{0,40}", 1_u32..), 0..10)) {
        let wire: String = sent
            .iter()
            .map(|(name, data, id)| format!("id: {id}\nevent: {name}\ndata: {}\n\n", data.replace('\n', "\ndata: ")))
            .collect();
        let expected: Vec<Event> = sent.iter().map(|(name, data, id)| event(name, data, &id.to_string())).collect();
        prop_assert_eq!(events(&wire), expected);
    }
}

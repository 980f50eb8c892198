import json

from fluvial.stdx import Redactor


def test_a_known_secret_and_its_base64_form_are_masked() -> None:
    redactor = Redactor()
    redactor.add("hunter2hunter2")
    assert redactor.clean("password hunter2hunter2, aHVudGVyMmh1bnRlcjI= sent") == "password ***, *** sent"


def test_a_password_in_a_url_is_masked_though_nobody_told_it() -> None:
    assert Redactor().clean("GET https://me:s3cr3t@git.example.com/x") == "GET https://me:***@git.example.com/x"


def test_each_line_of_a_key_is_masked() -> None:
    redactor = Redactor()
    redactor.add("-----BEGIN KEY-----\nabcdefgh\n")
    assert redactor.clean("bad key near abcdefgh") == "bad key near ***"


def test_a_very_short_value_does_not_garble_the_text() -> None:
    redactor = Redactor()
    redactor.add("a")
    assert redactor.clean("a cat") == "a cat"


def test_the_longest_of_the_secrets_that_begin_here_is_masked() -> None:
    redactor = Redactor()
    for secret in ("abcd", "abcdefgh", "abcdef"):
        redactor.add(secret)
    assert redactor.clean("x abcdefgh abcdefg abcd abc") == "x *** ***g *** abc"


def test_a_secret_with_quotes_is_masked_in_a_line_of_json() -> None:
    redactor = Redactor()
    redactor.add('pass"word\\9')
    assert redactor.clean(json.dumps({"error": 'bad pass"word\\9'})) == '{"error": "bad ***"}'


def test_secrets_are_forgotten_when_very_many_came_after_them_but_not_when_in_use() -> None:
    redactor = Redactor()
    for number in range(60_000):
        redactor.add(f"{number % 9973:04d}-secret-{number}" if number else "rotated-once")
        redactor.add("in-use-all-the-time")
    assert redactor.clean("rotated-once 0161-secret-59999 in-use-all-the-time") == "rotated-once *** ***"

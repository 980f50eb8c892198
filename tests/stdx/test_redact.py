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

"""Writes src/detect/evaluate/samples.txt anew: values to plant, made and written by libraries that have nothing to do with the detectors.

    pip install phonenumbers schwifty && python tests/tools/samples.py > src/detect/evaluate/samples.txt

One line a value: kind, country, and its spellings, with tabs between.
"""
import random

import phonenumbers
import schwifty
from phonenumbers import PhoneNumberFormat as Format
from phonenumbers import PhoneNumberType as Type

COUNTRIES = ["GB", "DE", "FR", "ES", "IT", "NL", "PL", "PT", "SE", "CZ"]
COUNT = 12
draw = random.Random(20262)


def digits(count):
    return "".join(draw.choice("0123456789") for _ in range(count))


def phones(country):
    found = 0
    while found < COUNT:
        kind = Type.MOBILE if found % 2 else Type.FIXED_LINE
        example = phonenumbers.example_number_for_type(country, kind)
        text = phonenumbers.national_significant_number(example)
        # The beginning tells the kind, the rest is anybody's.
        keep = 3 if kind == Type.MOBILE else 4
        number = phonenumbers.parse(f"+{example.country_code}{text[:keep]}{digits(len(text) - keep)}")
        if not phonenumbers.is_valid_number(number) or phonenumbers.region_code_for_number(number) != country:
            continue
        found += 1
        forms = [phonenumbers.format_number(number, form) for form in (Format.E164, Format.INTERNATIONAL, Format.NATIONAL)]
        print("phone", country, *forms, sep="\t")


def ibans(country):
    for _ in range(COUNT):
        iban = schwifty.IBAN.random(country_code=country, random=draw)
        print("iban", country, iban.compact, iban.formatted, sep="\t")


def luhn(number):
    total = 0
    for at, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + (at + 1) % 2)
        total += value // 10 + value % 10
    return str(-total % 10)


def cards():
    for prefix, length in [("4", 16), ("51", 16), ("2221", 16), ("37", 15), ("36", 14), ("6011", 16), ("3530", 16), ("6759", 16)]:
        for _ in range(4):
            number = prefix + digits(length - 1 - len(prefix))
            print("card", "-", number + luhn(number), sep="\t")


print(f"# phonenumbers {phonenumbers.__version__}, schwifty {schwifty.__version__}; tests/tools/samples.py")
for country in COUNTRIES:
    phones(country)
    ibans(country)
cards()

"""Writes src/detect/national/golden.txt anew: national identification numbers, right and wrong ones, by the rules of python-stdnum.

    pip install python-stdnum && python tests/tools/national_ids.py > src/detect/national/golden.txt

The numbers are made up at random (seeded). One line a number: country, scheme, `good` or `bad`, number. Bad ones differ from a good
one in one character.
"""
import importlib
import random

import stdnum

SCHEMES = [
    ("AT", "Sozialversicherungsnummer", "at.vnr", "9999ddmmyy"),
    ("BE", "Rijksregisternummer, numéro national", "be.nn", "yymmdd99999"),
    ("BG", "EGN", "bg.egn", "yymmdd9999"),
    ("BG", "LNCh", "bg.pnf", "9999999999"),
    ("CY", "TIN", "cy.vat", "99999999A"),
    ("CZ", "rodné číslo", "cz.rc", "yymmdd9999"),
    ("DE", "Steuerliche Identifikationsnummer", "de.idnr", "99999999999"),
    ("DK", "CPR-nummer", "dk.cpr", "ddmmyy9999"),
    ("EE", "isikukood", "ee.ik", "4yymmdd9999"),
    ("ES", "DNI", "es.dni", "99999999A"),
    ("ES", "NIE", "es.nie", "X9999999A"),
    ("FI", "henkilötunnus", "fi.hetu", "ddmmyyA999*"),
    ("FR", "NIR", "fr.nir", "1yymm9999999999"),
    ("GR", "AMKA", "gr.amka", "ddmmyy99999"),
    ("GR", "AFM", "gr.vat", "999999999"),
    ("HR", "OIB", "hr.oib", "99999999999"),
    ("IE", "PPS number", "ie.pps", "9999999A"),
    ("IS", "kennitala", "is_.kennitala", "ddmmyy9999"),
    ("IT", "codice fiscale", "it.codicefiscale", "AAAAAAyyHddA999A"),
    ("LI", "AHV-Nummer", "ch.ssn", "7569999999999"),
    ("LT", "asmens kodas", "lt.asmens", "4yymmdd9999"),
    ("LV", "personas kods", "lv.pvn", "ddmmyy19999"),
    ("NL", "burgerservicenummer", "nl.bsn", "999999999"),
    ("NO", "fødselsnummer", "no.fodselsnummer", "ddmmyy99999"),
    ("PL", "PESEL", "pl.pesel", "yymmdd99999"),
    ("PT", "NIF", "pt.nif", "299999999"),
    ("PT", "Cartão de Cidadão", "pt.cc", "999999999AA9"),
    ("RO", "CNP", "ro.cnp", "2yymmdd129999"),
    ("SE", "personnummer", "se.personnummer", "yymmdd9999"),
    ("SI", "EMŠO", "si.emso", "ddmm9yy509999"),
    ("SK", "rodné číslo", "sk.rc", "yymmdd9999"),
]
COUNT = 10
DIGITS, LETTERS = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
draw = random.Random(20261)


def made(shape):
    """A random number of the shape, with a date between 1955 and 1999."""
    parts = {"yy": f"{draw.randint(55, 99):02}", "mm": f"{draw.randint(1, 12):02}", "dd": f"{draw.randint(1, 28):02}"}
    for name, value in parts.items():
        shape = shape.replace(name, "".join(chr(0xE000 + int(digit)) for digit in value))
    kinds = {"9": DIGITS, "A": LETTERS, "*": DIGITS + LETTERS}
    text = "".join(draw.choice(kinds[c]) if c in kinds else c for c in shape)
    return "".join(str(ord(c) - 0xE000) if ord(c) >= 0xE000 else c for c in text)


def valid(module, number):
    try:
        module.validate(number)
        return True
    except Exception:
        return False


print(f"# python-stdnum {stdnum.__version__}; tests/tools/national_ids.py")
for country, name, module, shape in SCHEMES:
    module = importlib.import_module(f"stdnum.{module}")
    good = set()
    while len(good) < COUNT:
        number = made(shape)
        if country == "SE" or country == "FI" and draw.random() < 0.5:
            number = number[:6] + "-" + (number[7:] if country == "FI" else number[6:])
        if country == "IT":
            number = number[:15] + module.calc_check_digit(number[:15])
        if valid(module, number):
            good.add(number)
    for number in sorted(good):
        print(f"{country}\t{name}\tgood\t{number}")
    bad = set()
    while len(bad) < COUNT and country != "DK":
        number = draw.choice(sorted(good))
        at = draw.randrange(len(number))
        if not number[at].isalnum():
            continue
        other = number[:at] + draw.choice(DIGITS if number[at].isdigit() else LETTERS) + number[at + 1 :]
        if not valid(module, other):
            bad.add(other)
    for number in sorted(bad):
        print(f"{country}\t{name}\tbad\t{number}")

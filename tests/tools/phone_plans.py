"""Writes src/detect/phone/plans.txt anew from Google's libphonenumber.

    pip install phonenumbers && python tests/tools/phone_plans.py > src/detect/phone/plans.txt

One line a region: its code (ISO 3166-1, or the calling code of what is no country), calling code, national (trunk) prefix or
`-`, whether it has most of the calling code's numbers, the lengths of its numbers (in base 16, a bit for each), and a pattern for the national numbers of persons: fixed lines, mobiles, numbers over the Internet, personal numbers,
pagers and company exchanges. Free, shared-cost and premium numbers are services and are not taken.
"""
import phonenumbers
from phonenumbers import PhoneMetadata

KINDS = ["fixed_line", "mobile", "voip", "personal_number", "pager", "uan"]

print(f"# libphonenumber {phonenumbers.__version__}, Copyright The Libphonenumber Authors, Apache License 2.0; tests/tools/phone_plans.py")
regions = [(r, PhoneMetadata.metadata_for_region(r, None)) for r in sorted(phonenumbers.SUPPORTED_REGIONS)]
regions += [(str(c), PhoneMetadata.metadata_for_nongeo_region(c, None)) for c in sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS)]
for region, meta in regions:
    patterns, lengths = [], set()
    for kind in KINDS:
        description = getattr(meta, kind)
        pattern = description and description.national_number_pattern
        if pattern and pattern not in patterns:
            patterns.append(pattern)
            # A kind that says nothing has the lengths of all.
            lengths.update(description.possible_length or meta.general_desc.possible_length)
    if patterns:
        # The main region of a shared calling code comes first: it has most of the numbers.
        main = "main" if phonenumbers.region_code_for_country_code(meta.country_code) == region else "also"
        print(region, meta.country_code, meta.national_prefix or "-", main, f"{sum(1 << length for length in lengths):x}", "|".join(patterns))

use super::support::Folder;
use crate::policy::Code;

const ACTIVITY: &str = "favourites.yaml";

#[test]
fn a_shadow_stands_beside_what_is_in_force_and_nothing_else() {
    let next = |from: &str, to: &str| {
        let folder = Folder::shipped();
        let text = std::fs::read_to_string(folder.path().join(ACTIVITY)).unwrap();
        let text =
            text.replacen("activity: favourites ", "activity: favourites-next\nshadows: favourites #", 1);
        assert!(text.contains(from), "{from}");
        folder.with("favourites-next.yaml", text.replacen(from, to, 1))
    };
    assert_eq!(next("", "").lines(), "");
    let further = "activity: further\nshadows: favourites-next";
    for (folder, code) in [
        (next("POST /predict/", "POST /predict/all"), Code::ShadowRoute),
        (next("shadows: favourites ", "shadows: favourites-next "), Code::ShadowOfShadow),
        (next("", "").with("further.yaml", SHADOW_OF_SHADOW.replace("X", further)), Code::ShadowOfShadow),
        (next("shadows: favourites ", "shadows: favourite "), Code::UnknownName),
        (next("shadows: favourites ", "shadows: favourites-research "), Code::ShadowOfRecords),
        (next("shadows: favourites ", "shadows: [] "), Code::WrongShape),
        (next("purpose: product-recommendation", "purpose: product"), Code::UnknownName),
    ] {
        assert_eq!(folder.codes(), [code], "{}", folder.lines());
    }
    // Nobody answers from what a shadow keeps, for it keeps nothing.
    let folder = next("", "").change(
        "favourites-research.yaml",
        "records_of: favourites ",
        "records_of: favourites-next ",
    );
    assert!(folder.codes().contains(&Code::UnknownName), "{}", folder.lines());
}

const SHADOW_OF_SHADOW: &str = "X
title: Further
purpose: product-recommendation
legal_basis: contract
data_subject_categories: [customers]
upstream: favourites-model
routes: [ { match: GET /status, personal_data: none } ]
";

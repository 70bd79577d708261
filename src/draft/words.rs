//! What fields are called, in the languages in which people write APIs: English, German, French, Spanish, Italian,
//! Dutch, Portuguese, Polish. Written as `category::tokens` cuts names: lower case, no accents, words apart.

/// Names of one category, and how much they say, in tenths.
#[derive(Debug)]
pub(super) struct Entry {
    /// A term of the Data Privacy Vocabulary without `pd:`.
    pub(super) category: &'static str,
    /// How sure such a name makes one.
    pub(super) tenths: u8,
    /// The names.
    pub(super) names: &'static [&'static str],
}

macro_rules! entries {
    ($($category:literal $tenths:literal [$($name:literal),+ $(,)?])+) => {
        &[$(Entry { category: $category, tenths: $tenths, names: &[$($name),+] }),+]
    };
}

/// The longest name that fits wins; of two of one length, the one that stands first.
#[rustfmt::skip]
pub(super) const NAMES: &[Entry] = entries! {
    "EmailAddress" 9 ["email", "e mail", "mail", "email address", "e mail address", "mail address", "courriel", "adresse email", "adresse mail", "adresse electronique", "correo", "correo electronico", "emailadresse", "mailadresse", "posta elettronica", "adres email"]
    "TelephoneNumber" 9 ["phone", "telephone", "tel", "phone number", "telephone number", "phone no", "mobile", "mobile number", "mobile phone", "cell phone", "cellphone", "fax", "msisdn", "telefon", "telefonnummer", "rufnummer", "handy", "handynummer", "mobilnummer", "numero de telephone", "portable", "telefono", "numero de telefono", "movil", "cellulare", "numero di telefono", "telefoonnummer", "telefone", "celular", "telemovel", "numer telefonu"]
    "Name" 9 ["first name", "last name", "full name", "given name", "given names", "family name", "surname", "forename", "middle name", "maiden name", "birth name", "nick name", "nickname", "fname", "lname", "firstname", "lastname", "fullname", "customer name", "client name", "user full name", "patient name", "person name", "employee name", "applicant name", "contact name", "account holder", "card holder", "cardholder", "cardholder name", "recipient name", "sender name", "vorname", "nachname", "familienname", "zuname", "geburtsname", "rufname", "kundenname", "prenom", "nom de famille", "nom complet", "nombre completo", "apellido", "apellidos", "primer apellido", "nome completo", "cognome", "nome e cognome", "voornaam", "achternaam", "sobrenome", "apelido", "imie", "nazwisko"]
    "Name" 6 ["name", "names", "nom", "nombre", "nome", "naam"]
    "Username" 8 ["username", "user name", "login", "login name", "screen name", "handle", "account name", "benutzername", "nutzername", "nom d utilisateur", "identifiant de connexion", "nombre de usuario", "nome utente", "gebruikersnaam"]
    "Identifier" 8 ["customer id", "customer number", "customer no", "client id", "client number", "user id", "userid", "uid", "member id", "member number", "membership number", "person id", "subject id", "patient id", "patient number", "patientid", "mrn", "medical record number", "employee id", "employee number", "personnel number", "student id", "student number", "applicant id", "policy holder id", "policyholder id", "subscriber id", "passenger id", "guest id", "visitor id", "buyer id", "borrower id", "driver id", "cust id", "kunden id", "kundennummer", "kunden nr", "kundennr", "patientennummer", "patienten id", "personalnummer", "mitgliedsnummer", "benutzer id", "numero client", "numero de client", "id client", "id utilisateur", "numero patient", "id cliente", "numero de cliente", "id usuario", "id paciente", "codice cliente", "id utente", "id paziente", "klantnummer", "klant id", "numer klienta", "matricule", "numero matricule", "matricola", "numero matricola", "numero di matricola", "matrikelnummer", "matrikel nr", "matrikelnr", "aktenzeichen", "nhc"]
    "OfficialID" 9 ["ssn", "social security number", "social security", "national id", "national insurance number", "nino", "nhs number", "identity card", "id card number", "id number", "tax id", "tax number", "tin", "steuer id", "steueridentifikationsnummer", "steuernummer", "sozialversicherungsnummer", "rentenversicherungsnummer", "personalausweisnummer", "ausweisnummer", "svnr", "ahv nummer", "numero de securite sociale", "securite sociale", "num secu", "numero secu", "no secu", "nss", "niss", "nir", "insee", "carte d identite", "dni", "nie", "nif", "numero de seguridad social", "seguridad social", "seguranca social", "curp", "codice fiscale", "carta d identita", "bsn", "burgerservicenummer", "rijksregisternummer", "cpf", "pesel", "personnummer", "cpr", "driving licence", "driving licence number", "driving license", "driver license", "driver license number", "drivers license", "fuhrerschein", "fuhrerscheinnummer", "permis de conduire", "permiso de conducir", "patente di guida", "rijbewijs", "krankenversichertennummer", "kvnr", "carte vitale", "tarjeta sanitaria", "tessera sanitaria"]
    "Passport" 9 ["passport", "passport number", "passport no", "reisepass", "reisepassnummer", "passeport", "numero de passeport", "pasaporte", "passaporto", "paspoort"]
    "BankAccount" 9 ["iban", "bban", "bank account", "bank account number", "account iban", "bic", "kontonummer", "bankverbindung", "compte bancaire", "rib", "cuenta bancaria", "conto corrente", "rekeningnummer"]
    "FinancialAccountNumber" 7 ["account number", "account no", "acct no", "acct number", "numero de compte", "numero de cuenta", "numero conto"]
    "CreditCardNumber" 9 ["credit card", "credit card number", "card number", "cc number", "ccnum", "pan", "kreditkarte", "kreditkartennummer", "carte de credit", "carte bancaire", "numero de carte", "tarjeta de credito", "numero de tarjeta", "carta di credito"]
    "PaymentCardExpiry" 8 ["card expiry", "expiry month", "expiry year", "exp month", "exp year"]
    "Password" 9 ["password", "passwd", "pwd", "passphrase", "passwort", "kennwort", "mot de passe", "contrasena", "parola d ordine", "wachtwoord", "senha"]
    "PINCode" 8 ["pin", "pin code", "cvv", "cvc"]
    "SecretText" 8 ["secret", "client secret", "shared secret", "api key", "apikey", "api token", "access key", "access token", "auth token", "bearer token", "id token", "refresh token", "session token", "security token", "token", "private key", "secret key", "credential", "credentials", "otp", "one time password", "recovery code", "security answer", "geheimnis", "zugangsdaten", "jeton", "cle secrete", "secreto", "segreto", "geheim"]
    "BirthDate" 9 ["birth date", "birthdate", "date of birth", "dob", "birthday", "birth day", "born", "born on", "year of birth", "birth year", "geburtsdatum", "geburtstag", "geboren", "geburtsjahr", "date de naissance", "date naissance", "naissance", "fecha de nacimiento", "fecha nacimiento", "data di nascita", "data nascita", "geboortedatum", "data de nascimento", "data urodzenia"]
    "BirthPlace" 8 ["birth place", "birthplace", "place of birth", "city of birth", "geburtsort", "lieu de naissance", "lugar de nacimiento", "luogo di nascita"]
    "Age" 9 ["age", "customer age", "patient age", "age years", "age in years", "alter", "edad", "eta", "leeftijd", "idade", "wiek"]
    "Gender" 9 ["gender", "sex", "geschlecht", "sexe", "genre", "sexo", "genero", "sesso", "genere", "geslacht", "plec", "salutation", "anrede", "civilite"]
    "MaritalStatus" 8 ["marital status", "marital", "marriage status", "civil status", "married", "familienstand", "verheiratet", "etat civil", "situation familiale", "estado civil", "stato civile", "burgerlijke staat"]
    "Nationality" 8 ["nationality", "nationalitat", "staatsangehorigkeit", "nationalite", "nacionalidad", "nazionalita", "nationaliteit"]
    "Citizenship" 8 ["citizenship", "staatsburgerschaft", "citoyennete", "ciudadania", "cittadinanza"]
    "PhysicalAddress" 8 ["address", "postal address", "home address", "street address", "mailing address", "billing address", "shipping address", "delivery address", "address line", "address line 1", "address line 2", "adresse", "anschrift", "wohnadresse", "lieferadresse", "adresse postale", "direccion", "domicilio", "indirizzo", "adres", "endereco", "morada"]
    "Street" 8 ["street", "street name", "strasse", "str", "rue", "calle", "via", "straat", "rua", "ulica"]
    "HouseNumber" 8 ["house number", "house no", "street number", "hausnummer", "hausnr", "numero de rue", "numero civico", "huisnummer"]
    "PostalCode" 9 ["zip", "zip code", "zipcode", "postal code", "post code", "postcode", "plz", "postleitzahl", "code postal", "codigo postal", "cap", "codice postale", "cep", "kod pocztowy"]
    "City" 7 ["city", "town", "stadt", "wohnort", "ville", "commune", "ciudad", "citta", "comune", "stad", "woonplaats", "cidade", "miasto"]
    "Region" 5 ["region", "province", "county", "bundesland", "departement", "provincia", "regione"]
    "Country" 7 ["country", "country code", "country of residence", "land", "pays", "pais", "paese", "kraj"]
    "GPSCoordinate" 8 ["lat", "latitude", "lon", "lng", "long", "longitude", "gps", "coordinates", "geo location", "geolocation", "breitengrad", "langengrad", "latitud", "longitud", "latitudine", "longitudine"]
    "Location" 5 ["location", "position", "standort", "lieu", "ubicacion", "posizione"]
    "IPAddress" 9 ["ip", "ip address", "ipaddress", "ip addr", "client ip", "remote ip", "remote addr", "ipv4", "ipv6", "adresse ip", "direccion ip", "indirizzo ip"]
    "MACAddress" 9 ["mac address", "mac addr"]
    "UserAgent" 8 ["user agent", "useragent"]
    "UID" 7 ["device id", "deviceid", "imei", "idfa", "gaid", "advertising id", "cookie id", "session id", "gerate id"]
    "BrowserFingerprint" 9 ["browser fingerprint", "device fingerprint"]
    "VehicalLicenseNumber" 8 ["license plate", "licence plate", "number plate", "registration plate", "kennzeichen", "kfz kennzeichen", "plaque d immatriculation", "immatriculation", "matricula", "targa", "kenteken", "vin"]
    "Picture" 8 ["photo", "picture", "portrait", "selfie", "face image", "avatar", "profile picture", "foto", "lichtbild", "passbild"]
    "FacialPrint" 8 ["face embedding", "faceprint", "face id", "facial features"]
    "Fingerprint" 8 ["fingerprint", "finger print", "fingerabdruck", "empreinte digitale", "huella dactilar", "impronta digitale"]
    "Biometric" 8 ["biometric", "biometrics", "iris scan", "voice print", "voiceprint", "biometrie"]
    "Income" 8 ["income", "annual income", "monthly income", "household income", "applicant income", "net income", "einkommen", "jahreseinkommen", "revenu", "revenus", "revenu annuel", "ingresos", "reddito", "inkomen", "renda"]
    "Salary" 8 ["salary", "wage", "wages", "gehalt", "lohn", "salaire", "salario", "sueldo", "stipendio", "salaris"]
    "CreditScore" 8 ["credit score", "fico", "fico score", "schufa", "schufa score", "bonitat"]
    "CreditRecord" 7 ["credit history", "credit record", "payment history", "defaults", "delinquencies", "late payments"]
    "LoanRecord" 6 ["loan amount", "loan", "mortgage", "debt", "kredit", "darlehen", "kreditsumme", "pret", "emprunt", "prestamo", "mutuo", "prestito"]
    "FinancialStatus" 6 ["balance", "account balance", "savings", "assets", "net worth", "kontostand", "solde", "saldo"]
    "Transaction" 6 ["transaction amount", "purchase amount", "payment amount", "order total", "transactions"]
    "Insurance" 6 ["insurance", "versicherung", "assurance", "seguro", "assicurazione", "verzekering", "ubezpieczenie"]
    "Job" 7 ["job", "job title", "occupation", "profession", "employment type", "beruf", "tatigkeit", "metier", "emploi", "profesion", "ocupacion", "professione", "lavoro", "beroep"]
    "CurrentEmployment" 7 ["employer", "employment status", "employment", "employed", "self employed", "arbeitgeber", "employeur", "empleador", "datore di lavoro", "werkgever"]
    "WorkHistory" 6 ["years employed", "years of experience", "years experience", "employment length", "tenure", "berufserfahrung", "anciennete"]
    "Education" 7 ["education", "education level", "degree", "qualification", "bildung", "schulabschluss", "abschluss", "formation", "niveau d etudes", "educacion", "titulo de estudios", "istruzione", "titolo di studio", "opleiding"]
    "School" 7 ["school", "university", "schule", "ecole", "universite", "escuela", "universidad", "scuola", "universita"]
    "Offspring" 6 ["children", "number of children", "num children", "dependents", "dependants", "kinder", "anzahl kinder", "enfants", "nombre d enfants", "hijos", "figli", "kinderen"]
    "Family" 5 ["spouse", "husband", "wife", "mother", "father", "ehepartner", "conjoint", "conyuge", "coniuge"]
    "Household" 5 ["household size", "household", "haushaltsgrosse", "foyer"]
    "Language" 5 ["language", "preferred language", "mother tongue", "sprache", "muttersprache", "langue", "idioma", "lingua"]
    "Height" 6 ["body height", "height cm", "korpergrosse", "taille", "estatura", "altezza", "lengte"]
    "Weight" 6 ["body weight", "weight kg", "gewicht", "korpergewicht", "poids", "peso"]
    "HairColor" 7 ["hair color", "hair colour", "haarfarbe"]
    "SkinTone" 7 ["skin tone", "skin color", "skin colour", "hautfarbe"]
    "Health" 8 ["health", "health status", "symptom", "symptoms", "gesundheit", "beschwerden", "sante", "symptomes", "salud", "sintomas", "salute", "sintomi", "gezondheid", "smoker", "smoking status", "pregnant", "pregnancies", "pregnancy", "raucher", "schwanger", "fumeur", "enceinte"]
    "MedicalHealth" 8 ["hiv", "hiv status", "hiv positive", "aids", "hepatitis", "tuberculosis", "cancer", "tumor", "tumour", "diabetes", "diabetic", "epilepsy", "asthma", "vaccination", "vaccinated", "vaccinations", "impfung", "impfstatus", "vih", "sida", "krebs", "vaccin", "vacuna", "vaccino", "diagnosis", "diagnoses", "disease", "icd", "icd10", "icd code", "medical condition", "allergy", "allergies", "blood pressure", "bp systolic", "bp diastolic", "systolic", "diastolic", "heart rate", "glucose", "cholesterol", "bmi", "hba1c", "insulin", "comorbidities", "diagnose", "krankheit", "blutdruck", "puls", "allergien", "diagnostic", "maladie", "tension arterielle", "diagnostico", "enfermedad", "diagnosi", "malattia", "ziekte"]
    "HealthRecord" 8 ["medical record", "health record", "lab result", "lab results", "krankenakte", "befund", "dossier medical", "historia clinica", "cartella clinica"]
    "Prescription" 8 ["medication", "medications", "prescription", "drug", "drugs", "dosage", "medikament", "medikamente", "ordonnance", "medicament", "medicacion", "receta", "farmaco", "medicijn"]
    "BloodType" 9 ["blood type", "blood group", "blutgruppe", "groupe sanguin", "grupo sanguineo", "gruppo sanguigno", "bloedgroep"]
    "MentalHealth" 8 ["mental health", "depression", "phq9", "anxiety", "psychische gesundheit", "sante mentale", "salud mental"]
    "Disability" 8 ["disability", "disabled", "handicap", "behinderung", "schwerbehindert", "discapacidad", "disabilita"]
    "Genetic" 9 ["genome", "genotype", "dna", "genetic", "snp", "gene expression"]
    "EthnicOrigin" 8 ["ethnicity", "ethnic origin", "ethnic group", "ethnie", "herkunft", "origine ethnique", "etnia", "etnicita"]
    "Race" 8 ["race", "racial group", "raza", "razza"]
    "Religion" 8 ["religion", "religious", "religious affiliation", "religiosity", "church", "kirche", "kirchensteuer", "godsdienst", "faith", "denomination", "konfession", "glaube", "confession", "religione"]
    "PoliticalOpinion" 8 ["political party", "political affiliation", "political leaning", "political orientation", "politics", "partei", "parteizugehorigkeit", "parti politique", "partido politico", "partito politico", "politieke partij", "partia polityczna", "political opinion", "political view", "political views", "politische meinung", "opinion politique", "opinion politica", "party affiliation", "voted for"]
    "TradeUnionMembership" 8 ["union member", "trade union", "trade union member", "union membership", "gewerkschaft", "syndicat", "sindicato", "sindacato", "vakbond"]
    "SexualPreference" 8 ["sexuality", "sex life", "sexual orientation", "sexual preference", "sexuelle orientierung", "orientation sexuelle", "orientacion sexual", "orientamento sessuale"]
    "CriminalOffence" 7 ["criminal record", "criminal offence", "criminal offense", "offences", "prior arrests", "arrests", "priors", "priors count", "vorstrafen", "casier judiciaire", "antecedentes penales", "precedenti penali"]
    "CriminalConviction" 8 ["conviction", "convictions", "verurteilung", "condamnation", "condena", "condanna"]
    "Purchase" 5 ["purchase history", "purchases", "basket", "cart", "orders", "last purchase", "warenkorb", "einkaufe", "achats", "panier", "compras", "acquisti"]
    "ServiceConsumptionBehavior" 5 ["usage", "usage minutes", "monthly charges", "total charges", "contract length", "months active", "last login", "login count", "visits", "clicks", "nutzung", "verbrauch", "consommation", "consumo"]
    "BrowsingBehavior" 6 ["page views", "clickstream", "browsing history", "visited urls", "referrer", "referer"]
    "Favorite" 6 ["favorite", "favourite", "preferred", "liebling", "prefere", "favorito", "preferito"]
    "FavoriteColor" 7 ["favorite color", "favourite color", "favorite colour", "favourite colour", "lieblingsfarbe", "couleur preferee", "color favorito", "colore preferito"]
    "FavoriteFood" 7 ["favorite food", "favourite food", "lieblingsessen", "plat prefere", "comida favorita", "cibo preferito"]
    "Preference" 5 ["preference", "preferences", "interests", "hobbies", "hobby", "interessen", "loisirs", "aficiones"]
    "Communication" 5 ["message", "messages", "comment", "comments", "feedback", "review", "complaint", "inquiry", "question", "prompt", "conversation", "email body", "subject line", "nachricht", "kommentar", "bewertung", "beschwerde", "frage", "commentaire", "avis", "reclamation", "mensaje", "comentario", "opiniones", "messaggio", "commento", "recensione", "bericht"]
    "Communication" 4 ["text", "free text", "notes", "note", "description", "remarks", "content", "body", "transcript", "freitext", "bemerkung", "bemerkungen", "notiz", "beschreibung", "texte", "remarque", "texto", "notas", "testo", "story", "narrative", "statement", "explanation", "circumstances", "schilderung", "hergang", "erlauterung", "begrundung", "recit", "explication", "circonstances", "relato", "explicacion", "racconto", "spiegazione", "verhaal", "toelichting", "opmerking", "opmerkingen", "opis", "uwagi"]
    "VoiceCommunicationRecording" 7 ["voice recording", "audio recording", "call recording"]
    "Vehicle" 5 ["vehicle", "car", "car model", "fahrzeug", "auto", "voiture", "vehicule", "coche", "veicolo"]
    "HouseOwned" 5 ["home ownership", "house owned", "owns house", "housing", "wohneigentum", "proprietaire"]
};

/// Things whose name is nobody's name: `product_name`.
#[rustfmt::skip]
pub(super) const THINGS: &[&str] = &[
    "api", "app", "application", "brand", "campaign", "category", "city", "class", "column", "company", "country", "course",
    "dataset", "datei", "department", "domain", "dossier", "event", "feature", "field", "fichier", "file", "firma", "folder",
    "function", "game", "group", "host", "image", "item", "key", "label", "language", "layer", "market", "method", "metric",
    "model", "modell", "module", "movie", "organisation", "organization", "package", "parameter", "path", "plan", "plant",
    "prodotto", "product", "produit", "produkt", "producto", "project", "projekt", "property", "region", "resource", "role",
    "schema", "server", "service", "shop", "society", "song", "species", "stage", "state", "station", "status", "store",
    "table", "tag", "task", "team", "tenant", "tool", "topic", "type", "unit", "variable", "version", "workspace",
];

/// Who a field can be about, in one and in several: a bare `id` or `name` below one of these is a person's, and their
/// number is an identifier.
#[rustfmt::skip]
pub(super) const PERSONS: &[&str] = &[
    "abbonato", "abogada", "abogado", "abonado", "abonent", "abonenta", "abonne", "abonnee", "abonnent", "account", "adherent",
    "advocaat", "afiliado", "alumno", "aluno", "angestellte", "angestellter", "ansatte", "anstalld", "antragsteller", "anvandare",
    "anwalt", "anwaltin", "applicant", "applicants", "arbeitnehmer", "arzt", "arztin", "asegurado", "asiakas", "assicurato",
    "assinante", "assure", "attorney", "author", "avocat", "avvocato", "beneficiaire", "beneficiario", "beneficiary", "benutzer",
    "beschaftigte", "beschaftigter", "bewerber", "bewohner", "borrower", "broer", "brother", "bruder", "bruger", "burge", "buyer",
    "caller", "candidat", "candidate", "candidato", "cardholder", "caregiver", "carer", "citizen", "claimant", "client",
    "clienta", "cliente", "clients", "clinician", "coniuge", "conjoint", "conjointe", "conjuge", "contact", "conyuge", "corka",
    "cosigner", "customer", "customers", "czlonek", "czlonka", "daughter", "debtor", "deelnemer", "demandeur", "dentist",
    "dipendente", "docente", "dochter", "doctor", "donor", "driver", "echtgenoot", "echtgenote", "ehefrau", "ehegatte",
    "ehegattin", "ehemann", "ehepartner", "ehepartnerin", "eleve", "empleado", "employe", "employee", "employees", "empregado",
    "enseignant", "epouse", "epoux", "esposa", "esposo", "estudante", "estudiante", "etudiant", "fahrer", "father", "figlia",
    "figlio", "filha", "filho", "fratello", "frere", "funcionario", "garant", "gast", "gebruiker", "grandfather", "grandmother",
    "guarantor", "guardian", "guest", "halter", "hausarzt", "hermana", "hermano", "hija", "hijo", "holder", "houder", "huisarts",
    "husband", "impiegato", "individual", "infirmier", "inhaber", "insegnante", "insured", "investor", "irmao", "kandidat",
    "klant", "klient", "klienta", "kund", "kunde", "kunden", "kunder", "kundin", "landlord", "lawyer", "lead", "learner",
    "lebenspartner", "lebenspartnerin", "lecturer", "leerling", "lehrer", "lehrerin", "lekarz", "leraar", "lid", "madre",
    "malzonek", "malzonka", "mandant", "marido", "marito", "matka", "matki", "medarbeider", "medarbejder", "medecin",
    "medewerker", "medlem", "member", "members", "membership", "membre", "membro", "mere", "miembro", "mieter", "mitarbeitenden",
    "mitarbeiter", "mitarbeiterin", "mitglied", "moeder", "moglie", "mother", "mutter", "nauczyciel", "nurse", "nutzer", "ojca",
    "ojciec", "opiskelija", "owner", "paciente", "pacjent", "pacjenta", "padre", "participant", "passager", "passenger",
    "passengers", "patient", "patiente", "patienten", "patientin", "patients", "payee", "payer", "paziente", "people", "pere",
    "person", "persona", "persone", "personne", "persoon", "physician", "policyholder", "posiadacz", "posiadacza", "potilas",
    "pracownik", "pracownika", "profesor", "profesora", "professeur", "professor", "profile", "prospect", "psychologist", "pupil",
    "recipient", "requerente", "resident", "respondent", "richiedente", "salarie", "schuler", "schwester", "segurado", "seller",
    "sender", "sibling", "siostra", "sister", "socio", "soeur", "sohn", "solicitante", "sorella", "spouse", "staff", "student",
    "studente", "students", "studierende", "studierenden", "subject", "subscriber", "surgeon", "taxpayer", "teacher",
    "teilnehmer", "tenant", "therapist", "titolare", "titulaire", "titular", "tochter", "trabajador", "tuteur", "ubezpieczonego",
    "ubezpieczony", "uczestnik", "uczestnika", "usager", "user", "users", "usuario", "utente", "utilisateur", "utilizador",
    "uzytkownik", "uzytkownika", "vader", "vater", "versicherte", "versicherter", "versicherungsnehmer", "verzekerde", "visitor",
    "vormund", "voter", "werknemer", "widow", "widower", "wife", "witness", "wnioskodawca", "wnioskodawcy", "worker", "zoon",
];

/// Who a name, an e-mail address or the like can be of, though a number beside such a word is as often a thing's: the
/// `parent_id` of a folder, the `agent_id` of a program.
#[rustfmt::skip]
pub(super) const RELATED: &[&str] = &[
    "adviser", "advisor", "agent", "analyst", "assessor", "auditor", "broker", "child", "children", "coach", "consultant",
    "dependant", "dependants", "dependent", "dependents", "director", "dzieci", "dziecka", "eltern", "elternteil", "enfant",
    "enfants", "figli", "filhos", "fille", "fils", "hijas", "hijos", "irma", "kid", "kids", "kinder", "kinderen", "kindes", "mae",
    "manager", "mari", "officer", "ouder", "ouders", "pai", "parent", "parents", "partner", "pastor", "practitioner",
    "prescriber", "priest", "principal", "relative", "relatives", "representative", "rodzic", "rodzica", "signatory", "son",
    "sons", "supervisor", "syn", "syna", "trainer", "trustee", "tutor", "underwriter",
];

/// What links two words and says nothing itself: people write `numero securite sociale` and `numero de securite sociale`.
pub(super) const LINKING: &[&str] = &[
    "d", "da", "de", "del", "dell", "della", "der", "des", "di", "do", "du", "l", "la", "le", "of", "s",
    "the", "van", "von",
];

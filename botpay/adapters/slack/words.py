"""The few sentences that the adapter says itself, where the core is not reached or not asked; in both languages.

All other sentences are the core's, in each person's own language.
"""

TRY_AGAIN = "Please try again in a moment. / Merci de réessayer dans un instant."
IN_PRIVATE = "I answer in our private chat. / Je vous réponds dans notre conversation privée."
START_AGAIN = "This did not work: please begin again. / Cela n’a pas marché : merci de recommencer."
NOT_LET_IN = "The app was not installed. / L’application n’a pas été installée."
WHOLE_ORG = (
    "Another workspace of your organisation has the app: install it for the whole organisation. / Un autre espace de "
    "votre organisation a l’application : installez-la pour toute l’organisation."
)
NO_ROTATION = (
    "Switch token rotation off under OAuth & Permissions, then begin again. / Désactivez la rotation des jetons sous "
    "OAuth & Permissions, puis recommencez."
)

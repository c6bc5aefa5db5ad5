"""Drawn archives: a miniature study in the layout of the official ISIC archives, for runs without any download.

The official archives are gigabytes under a licence that forbids passing them on with the code. The embedded study
needs pictures that ship as a seed: small enough that two classifiers train in a minute, yet such that every stage
of the workflow has something real to do. Hence the drawings keep what the analysis depends on:

- the archives' names, headers and quirks (`_downsampled` names, pictures without lesion, all-black masks, an
  evaluation picture that the training archive lacks);
- classes that differ by the features dermatologists look for, so that a saliency map on a feature is no accident:
  melanoma by negative network, streaks and a coarse network, nevus by a fine regular one, seborrheic keratosis by
  milia-like cysts;
- masks that are exact: a feature changes no pixel outside of its mask.

The drawings imitate dermoscopy, they do not model it. Numbers measured on them say that the workflow works,
nothing about skin.

Each module imports only from those before it:

- what is drawn: `classes` (of which class and with which features, in which shares), `plan` (the list of pictures);
- how: `canvas` (random numbers and colour), `frame` (the lesion's place and what is drawn in its coordinates),
  `skin` (around the lesion, and the camera), `lesions` (the looks of diagnoses), `features` (and their masks),
  `pictures` (all of it together);
- where to: `archives` (as ISIC's), `own_data` (laid out otherwise).
"""

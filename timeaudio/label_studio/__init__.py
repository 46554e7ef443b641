"""A machine learning backend for Label Studio: it pre-annotates the tasks of audio projects.

command        `timeaudio label-studio`
app            the routes that Label Studio calls
annotate       one task: fetch, analyse, write regions
label_config   the names and labels of a project's labeling configuration
labels         which label an event gets
media          where a task's recording is, and the token that opens it
"""

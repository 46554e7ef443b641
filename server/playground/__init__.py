"""The page at `/`: a browser playground made of plain files, without a build step.

assets      serves files with media type, entity tag and compression
routes      the page, its files, its configuration, and conversion of an answer to another format
api_pages   `/docs` and `/redoc`, which describe the API
site/       HTML, style sheets, ES modules, fonts and the vendored waveform
clips/      example recordings
"""

"""The page at `/`: a playground in the browser, of plain files without a build step.

assets      the files, as they are sent: type, entity tag, compressed
routes      the page, its files, what it has to know, and a written answer in another format
site/       HTML, style sheets, ES modules, fonts and the vendored waveform
clips/      a recording to begin with
"""

"""`timeaudio browse`: a page for an archive of answers. It loads no model.

The page looks like the server's: it takes style sheets, fonts and small modules from `server/playground/site`.

    library   the archive in memory: recordings, events, and the kinds of their captions
    app       routes: the page, recordings as JSON, their sound, downloads
    command   the command line
    site/     HTML, style sheets, ES modules
"""

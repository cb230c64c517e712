"""Everything held about one person: GDPR, article 15 (access), in a form that article 20 (portability) asks for."""

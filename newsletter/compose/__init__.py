"""From an issue file to a CompiledIssue: Markdown, Jinja, MJML and premailer, once per issue."""

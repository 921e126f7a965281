"""Small MJML documents: every element that we allow, and what we refuse because MRML fails at it."""


def _column(inside: str) -> str:
    return f"<mjml><mj-body><mj-section><mj-column>{inside}</mj-column></mj-section></mj-body></mjml>"


def _body(inside: str) -> str:
    return f"<mjml><mj-body>{inside}</mj-body></mjml>"


_ONE = "<mj-section><mj-column><mj-text>a</mj-text></mj-column></mj-section>"
_SRC = 'src="https://example.org/a.png"'

ALLOWED = {
    "text": _column('<mj-text padding="0">a <b>b</b></mj-text><mj-text height="50px">c &amp; d</mj-text>'),
    "button": _column(
        '<mj-button href="https://example.org" width="200px">b</mj-button><mj-button>c</mj-button>'
    ),
    "image": _column(
        f'<mj-image {_SRC} alt="" href="https://example.org" width="100px" />'
        f'<mj-image {_SRC} alt="x" fluid-on-mobile="true" srcset="https://example.org/b.png 2x" title="t" />'
    ),
    "divider, spacer": _column(
        '<mj-divider width="50%" /><mj-spacer height="20px" /><mj-divider align="left" width="50px" />'
    ),
    "table": _column("<mj-table><tr><th>1</th></tr><tr><td>2</td></tr></mj-table>"),
    "social": _column(
        '<mj-social mode="horizontal"><mj-social-element name="facebook" href="https://example.org">F'
        '</mj-social-element><mj-social-element name="x" href="https://example.org/x" />'
        f'<mj-social-element {_SRC} alt="o">own</mj-social-element></mj-social><mj-social mode="vertical">'
        '<mj-social-element name="github" href="https://example.org">G</mj-social-element></mj-social>'
    ),
    "icons without words": _column(
        '<mj-social><mj-social-element name="x" href="https://example.org/x" /></mj-social>'
    ),
    "navbar": _column(
        '<mj-navbar base-url="https://example.org" hamburger="hamburger"><mj-navbar-link href="/a">A'
        '</mj-navbar-link><mj-navbar-link href="/b">B</mj-navbar-link></mj-navbar>'
        '<mj-navbar><mj-navbar-link href="https://example.org">C</mj-navbar-link></mj-navbar>'
    ),
    "accordion": _column(
        "<mj-accordion><mj-accordion-element><mj-accordion-title>t</mj-accordion-title>"
        "<mj-accordion-text>x</mj-accordion-text></mj-accordion-element>"
        '<mj-accordion-element icon-position="left">'
        "<mj-accordion-title>u</mj-accordion-title></mj-accordion-element></mj-accordion>"
    ),
    "carousel": _column(
        f'<mj-carousel><mj-carousel-image {_SRC} /><mj-carousel-image {_SRC} href="https://example.org" '
        f'title="t" alt="x" /></mj-carousel><mj-carousel thumbnails="hidden"><mj-carousel-image {_SRC} />'
        "</mj-carousel>"
    ),
    "group, columns": _body(
        '<mj-section direction="rtl"><mj-group><mj-column><mj-text>a</mj-text></mj-column>'
        '<mj-column width="30%">'
        "<mj-text>b</mj-text></mj-column></mj-group></mj-section><mj-section>"
        '<mj-column width="30%" padding="10px" border="1px solid #000000" border-radius="3px">'
        "<mj-text>c</mj-text>"
        '</mj-column><mj-column width="200px" inner-background-color="#ffffff" padding="5px"></mj-column>'
        "</mj-section><mj-section></mj-section>"
    ),
    "wrapper": _body(
        f'<mj-wrapper background-color="#eeeeee" padding="10px" gap="10px">{_ONE}'
        '<mj-section full-width="full-width"><mj-column><mj-text>b</mj-text></mj-column></mj-section>'
        "</mj-wrapper>"
        f'<mj-wrapper full-width="full-width">{_ONE}<mj-hero><mj-text>c</mj-text></mj-hero></mj-wrapper>'
    ),
    "hero": _body(
        '<mj-hero mode="fixed-height" height="200px" background-url="https://example.org/b.png" '
        'background-width="600px" background-height="300px"><mj-text>a</mj-text>'
        "<mj-button>b</mj-button></mj-hero>"
        f'<mj-hero><mj-raw><p>r</p></mj-raw><mj-image {_SRC} alt="" /><mj-divider /><mj-spacer />'
        f"<mj-table><tr>"
        '<td>1</td></tr></mj-table><mj-social><mj-social-element name="x" href="https://example.org">X'
        "</mj-social-element></mj-social></mj-hero>"
    ),
    "background pictures": _body(
        '<mj-section background-url="https://example.org/b.png" background-size="cover" '
        'background-repeat="no-repeat"><mj-column><mj-text>a</mj-text></mj-column></mj-section>'
        '<mj-section full-width="full-width" background-url="https://example.org/b.png"></mj-section>'
    ),
    "raw": _body(
        "<mj-raw><p>x</p></mj-raw><mj-section><mj-raw><!-- n --></mj-raw><mj-column><mj-raw><tr>"
        "<td>x</td></tr>"
        "</mj-raw><mj-text>a</mj-text></mj-column><mj-group><mj-raw><p>g</p></mj-raw><mj-column>"
        "<mj-text>b</mj-text></mj-column></mj-group></mj-section>"
    ),
    "comments": _body(
        "<!-- c --><mj-section><!-- d --><mj-column><!-- e --><mj-text>a<!-- f --></mj-text>"
        "</mj-column></mj-section>"
    ),
    "head": (
        '<mjml lang="en" dir="ltr"><mj-head><mj-title>T</mj-title><mj-preview>P</mj-preview>'
        '<mj-font name="Raleway" href="https://fonts.example.org/raleway.css" />'
        '<mj-breakpoint width="320px" />'
        '<mj-raw><meta name="x" content="y" /></mj-raw><mj-attributes><mj-all font-family="Raleway" />'
        '<mj-text color="#ff0000" /><mj-body background-color="#eeeeee" />'
        '<mj-accordion-title color="#ff0000" />'
        '<mj-class name="big" font-size="30px" css-class="q" /></mj-attributes>'
        "<mj-style>a { color: red; }</mj-style>"
        '</mj-head><mj-body width="500px" css-class="page"><mj-section><mj-column>'
        '<mj-text mj-class="big" css-class="r">a</mj-text></mj-column></mj-section></mj-body></mjml>'
    ),
    "inlined style": (
        '<mjml><mj-head><mj-style inline="inline">.q div { color: red; }</mj-style></mj-head><mj-body>'
        "<mj-section>"
        '<mj-column><mj-text css-class="q">a</mj-text></mj-column></mj-section></mj-body></mjml>'
    ),
}

#: Valid MJML that we refuse: the document, what our error says, and what only npm's page has.
REFUSED = {
    "a hero of fluid height": (
        _body('<mj-hero mode="fluid-height" background-width="600px" background-height="300px"></mj-hero>'),
        'mode="fluid-height" of <mj-hero>',
        r"padding-bottom:\s*50%",
    ),
    "an icon on the right": (
        _column(
            '<mj-social mode="vertical"><mj-social-element name="x" href="https://example.org" '
            'icon-position="right">right</mj-social-element></mj-social>'
        ),
        'icon-position="right" of <mj-social-element>',
        r"right\s*</a>\s*</td>\s*<td",
    ),
    "a button's title": (
        _column('<mj-button href="https://example.org" title="tip">b</mj-button>'),
        'title="tip" of <mj-button>',
        r'title="tip"',
    ),
    "sizes of a picture": (
        _column(f'<mj-image {_SRC} srcset="{_SRC[5:-1]} 600w" sizes="50vw" />'),
        'sizes="50vw" of <mj-image>',
        r'sizes="50vw"',
    ),
    "the desktop layout for Outlook.com": (
        _body(_ONE).replace("<mjml>", '<mjml owa="desktop">'),
        'owa="desktop" of <mjml>',
        r"\[owa\]",
    ),
    "defaults for an accordion's icons": (
        "<mjml><mj-head><mj-attributes>"
        '<mj-accordion-element icon-wrapped-url="https://example.org/plus.png" /></mj-attributes></mj-head>'
        + ALLOWED["accordion"].removeprefix("<mjml>"),
        "icon-wrapped-url=",
        r"plus\.png",
    ),
    "two texts in one part of an accordion": (
        _column(
            "<mj-accordion><mj-accordion-element><mj-accordion-title>t</mj-accordion-title><mj-accordion-text>"
            "one</mj-accordion-text><mj-accordion-text>two</mj-accordion-text></mj-accordion-element>"
            "</mj-accordion>"
        ),
        "This is the second <mj-accordion-text>",
        r"one\s*</td>[\s\S]*two\s*</td>",
    ),
    "attributes by selector": (
        '<mjml><mj-head><mj-html-attributes><mj-selector path=".q div"><mj-html-attribute name="data-id">7'
        "</mj-html-attribute></mj-selector></mj-html-attributes></mj-head>"
        + _body(_ONE.replace("<mj-text>", '<mj-text css-class="q">')).removeprefix("<mjml>"),
        "<mj-html-attributes> is not supported",
        r'data-id="7"',
    ),
    "raw text before the page": (
        '<mjml><mj-raw position="file-start"><!-- hello --></mj-raw>' + _body(_ONE).removeprefix("<mjml>"),
        "<mj-raw> stands in <mjml>",
        "hello",
    ),
    "raw text in a wrapper": (
        _body(f"<mj-wrapper><mj-raw><p>raw</p></mj-raw>{_ONE}</mj-wrapper>"),
        "<mj-raw> stands in <mj-wrapper>",
        r"<!\[endif\]-->\s*<p>raw",
    ),
    "raw text among icons": (
        _column('<mj-social><mj-raw><!-- r --></mj-raw><mj-social-element name="x" /></mj-social>'),
        "<mj-raw> stands in <mj-social>",
        "<!-- r -->",
    ),
}

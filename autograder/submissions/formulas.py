r"""Which macros of TeX a student's formulas may use in an instructor's page: those that typeset.

MathJax reads the text of the whole page. Macros that define others, load extensions, make links,
set classes, styles or ids, or move things over what is not theirs are not in the list; `\href` is
one. What is not in the list is shown as it was written.
"""

from __future__ import annotations

import re

UNSEEN = "\u200b"
"""A space without width: it keeps two signs apart, and nobody sees it."""

_GREEK = """
alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa varkappa lambda mu nu
xi omicron pi varpi rho varrho sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta
Lambda Xi Pi Sigma Upsilon Phi Psi Omega digamma varGamma varDelta varTheta varLambda varXi varPi
varSigma varUpsilon varPhi varPsi varOmega
"""
_LETTERS = """
aleph beth gimel daleth hbar hslash imath jmath ell wp Re Im partial infty prime emptyset varnothing
nabla surd top bot angle measuredangle sphericalangle triangle backslash forall exists nexists neg
lnot flat natural sharp clubsuit diamondsuit heartsuit spadesuit complement eth mho Bbbk square
Box Diamond blacksquare lozenge blacklozenge bigstar blacktriangle backprime triangledown checkmark
maltese circledR circledS yen AA
"""
_OPERATORS = """
sum prod coprod int iint iiint iiiint idotsint oint smallint intop ointop bigcap bigcup bigsqcup
bigvee bigwedge bigodot bigotimes bigoplus biguplus arccos arcsin arctan arg cos cosh cot coth csc
deg det dim exp gcd hom inf injlim ker lg lim liminf limsup ln log max min Pr projlim sec sin sinh
sup tan tanh varlimsup varliminf varinjlim varprojlim operatorname bmod pmod mod pod limits nolimits
"""
_SIGNS = """
triangleleft triangleright bigtriangleup bigtriangledown wedge land vee lor cap cup ddagger dagger
sqcap sqcup uplus amalg diamond bullet wr div odot oslash otimes ominus oplus mp pm circ bigcirc
setminus cdot ast times star ltimes rtimes leftthreetimes rightthreetimes curlywedge curlyvee
barwedge veebar doublebarwedge boxminus boxtimes boxdot boxplus divideontimes circleddash
circledcirc circledast intercal dotplus smallsetminus Cap doublecap Cup doublecup centerdot lhd rhd
unlhd unrhd propto sqsubseteq sqsupseteq sqsubset sqsupset parallel mid dashv vdash Vdash vDash
Vvdash models leq le geq ge ll gg lll ggg succ prec succeq preceq approx approxeq supset subset
supseteq subseteq nsubseteq nsupseteq subsetneq supsetneq subseteqq supseteqq Subset Supset in ni
notin owns not neq ne equiv sim simeq thicksim thickapprox backsim backsimeq cong ncong nsim
perp asymp doteq doteqdot Doteq risingdotseq fallingdotseq bumpeq Bumpeq triangleq eqcirc circeq
eqsim smile frown bowtie Join leqq geqq leqslant geqslant eqslantless eqslantgtr lesssim gtrsim
lessapprox gtrapprox lessgtr gtrless lesseqgtr gtreqless lesseqqgtr gtreqqless lessdot gtrdot
preccurlyeq succcurlyeq curlyeqprec curlyeqsucc precsim succsim precapprox succapprox nless ngtr
nleq ngeq nleqslant ngeqslant lneq gneq lneqq gneqq nprec nsucc npreceq nsucceq nmid nparallel
nvdash nvDash nVdash nVDash between pitchfork varpropto because therefore backepsilon shortmid
shortparallel vartriangle vartriangleleft vartriangleright trianglelefteq trianglerighteq
ntriangleleft ntriangleright ntrianglelefteq ntrianglerighteq
"""
_ARROWS = """
to gets mapsto longmapsto leftarrow rightarrow leftrightarrow Leftarrow Rightarrow Leftrightarrow
longleftarrow longrightarrow longleftrightarrow Longleftarrow Longrightarrow Longleftrightarrow
implies impliedby iff uparrow downarrow updownarrow Uparrow Downarrow Updownarrow nearrow searrow
swarrow nwarrow hookleftarrow hookrightarrow leftharpoonup leftharpoondown rightharpoonup
rightharpoondown rightleftharpoons leftrightharpoons upharpoonleft upharpoonright downharpoonleft
downharpoonright leadsto rightsquigarrow leftrightsquigarrow dashleftarrow dashrightarrow
leftleftarrows rightrightarrows leftrightarrows rightleftarrows upuparrows downdownarrows Lleftarrow
Rrightarrow twoheadleftarrow twoheadrightarrow leftarrowtail rightarrowtail looparrowleft
looparrowright curvearrowleft curvearrowright circlearrowleft circlearrowright Lsh Rsh multimap
nleftarrow nrightarrow nLeftarrow nRightarrow nleftrightarrow nLeftrightarrow xleftarrow xrightarrow
"""
_FENCES = """
left right middle big Big bigg Bigg bigl Bigl biggl Biggl bigr Bigr biggr Biggr bigm Bigm biggm
Biggm lbrace rbrace lbrack rbrack langle rangle lvert rvert lVert rVert vert Vert lfloor rfloor
lceil rceil lgroup rgroup lmoustache rmoustache ulcorner urcorner llcorner lrcorner
"""
_BUILDING = """
frac dfrac tfrac cfrac binom dbinom tbinom genfrac over atop choose brace brack above sqrt root of
overset underset stackrel sideset substack overline underline overbrace underbrace overbracket
underbracket overparen underparen overleftarrow overrightarrow overleftrightarrow underleftarrow
underrightarrow underleftrightarrow hat widehat check tilde widetilde acute grave dot ddot dddot
ddddot breve bar vec mathring sp sb boxed fbox cancel bcancel xcancel phantom hphantom vphantom
buildrel strut mathstrut skew smallfrown smallsmile
"""
_FONTS = """
rm it bf sf tt cal scr frak mit oldstyle Bbb bold mathrm mathit mathbf mathsf mathtt mathcal mathscr
mathfrak mathbb boldsymbol pmb mathbin mathrel mathop mathord mathopen mathclose mathpunct mathinner
text textrm textit textbf textsf texttt textnormal mbox hbox displaystyle textstyle scriptstyle
scriptscriptstyle tiny scriptsize small normalsize large Large LARGE huge Huge color textcolor
"""
_LAYOUT = """
begin end cr newline hline hfill hfil quad qquad enspace thinspace negthinspace negmedspace
negthickspace thickspace medspace space nobreakspace dots ldots cdots vdots ddots dotsb dotsc dotsi
dotsm dotso tag notag nonumber label ref eqref array matrix pmatrix cases eqalign displaylines
hspace allowbreak TeX LaTeX
"""
HARMLESS = frozenset(
    " ".join(
        (_GREEK, _LETTERS, _OPERATORS, _SIGNS, _ARROWS, _FENCES, _BUILDING, _FONTS, _LAYOUT)
    ).split()
)
"""What a formula may use, and every macro of one letter: none of those does more than typeset."""

# Without one of these no text is a formula to MathJax.
_DELIMITER = re.compile(r"\$|\\[(\[]|\\begin")
_MACRO = re.compile(r"\\(?=([A-Za-z]+))")
_SHORT = r"(?:\d{0,2}(?:\.\d+)?\s*(?:pt|px|mu|mm)|\d?(?:\.\d+)?\s*(?:em|ex|cm))"
_SHORT_SPACE = re.compile(rf"hspace\s*\{{\s*{_SHORT}\s*\}}")
# The space after a row: a large or negative one moves what follows over the rest of the page.
_LONG_ROW = re.compile(rf"(\\\\\s*\[)(?=\s*[-+.\d])(?!\s*{_SHORT}\s*\])")


def has_formulas(text: str) -> bool:
    """Say whether MathJax may find a formula in a text."""
    return _DELIMITER.search(text) is not None


def keep_harmless_macros(text: str) -> str:
    r"""Return a text in which nothing but harmless macros is one; all looks as it was written.

    >>> keep_harmless_macros(r"$\\alpha + \\href{a}{b}$") == "$\\\\alpha + \\\\\u200bhref{a}{b}$"
    True
    """
    if not has_formulas(text):
        return text
    text = _LONG_ROW.sub(rf"\g<1>{UNSEEN}", text)
    return _MACRO.sub(lambda found: found[0] if _is_harmless(found) else f"\\{UNSEEN}", text)


def _is_harmless(found: re.Match[str]) -> bool:
    name = found[1]
    if name == "hspace":
        return _SHORT_SPACE.match(found.string, found.end()) is not None
    return len(name) == 1 or name in HARMLESS

/** The style of a page, for light and dark, for screens and paper. Pictures bring theirs (`graphStyle`). */

/** Colours by what they mean, on one ground. */
const light = {
  ground: '#f6f8fa',
  card: '#ffffff',
  edge: '#d5dbe3',
  text: '#1c2430',
  faint: '#566170',
  link: '#0b57b0',
  code: '#f0f3f7',
  good: '#176b2e',
  'good-ground': '#e0f3e5',
  bad: '#b42318',
  'bad-ground': '#fde7e4',
  perhaps: '#8a4b00',
  'perhaps-ground': '#fdf0d9',
  note: '#0b57b0',
  'note-ground': '#e4effc',
  mark: '#ffe08a',
  walked: '#fff1e2',
  road: '#c2520a',
  magenta: '#8a2fb8',
  primary: '#0b57b0',
  'on-primary': '#ffffff',
};

const dark: Readonly<Record<keyof typeof light, string>> = {
  ground: '#0f1318',
  card: '#171c23',
  edge: '#2f3844',
  text: '#e2e8f0',
  faint: '#9aa7b8',
  link: '#7db4ff',
  code: '#10151b',
  good: '#6fdc8c',
  'good-ground': '#12301c',
  bad: '#ff9a92',
  'bad-ground': '#3d1715',
  perhaps: '#f5bf6c',
  'perhaps-ground': '#37270d',
  note: '#8fc0ff',
  'note-ground': '#14283f',
  mark: '#7a5c00',
  walked: '#34220f',
  road: '#ffa657',
  magenta: '#d6a4ff',
  primary: '#7db4ff',
  'on-primary': '#0f1318',
};

function variables(colours: Readonly<Record<string, string>>): string {
  return Object.entries(colours)
    .map(([name, value]) => `--${name}:${value}`)
    .join(';');
}

/** The style sheet, without the pictures' own. */
export const pageStyle = `
:root{color-scheme:light dark;${variables(light)}}
@media (prefers-color-scheme:dark){:root{${variables(dark)}}}
*{box-sizing:border-box}
html{scroll-padding-top:4rem}
body{margin:0;background:var(--ground);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
code,pre,.code,.rules,.number,.hits{font-family:ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:13px}
a{color:var(--link)}
a,button,input,.scroll{outline-offset:2px}summary{outline-offset:-2px}
:focus-visible{outline:2px solid var(--link)}
[hidden]{display:none!important}
header,main{max-width:1240px;margin:0 auto;padding:0 20px}
header{padding-top:28px}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:0 0 14px}
h3{font-size:1rem;margin:22px 0 8px}
nav{position:sticky;top:0;z-index:2;background:var(--ground);border-bottom:1px solid var(--edge);margin-top:14px}
nav ul{max-width:1240px;margin:0 auto;padding:9px 20px;display:flex;gap:22px;list-style:none;flex-wrap:wrap}
nav a{text-decoration:none;font-weight:600}
nav a:hover{text-decoration:underline}
section{background:var(--card);border:1px solid var(--edge);border-radius:12px;padding:20px;margin:20px 0}
.faint{color:var(--faint)}
.good{color:var(--good)}
.skip{position:absolute;left:-999px}
.skip:focus{left:12px;top:8px;background:var(--card);padding:6px 10px;z-index:3}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:0 0 16px;padding:0}
.card{border:1px solid var(--edge);border-radius:10px;padding:12px 14px;text-decoration:none;color:inherit;display:block}
a.card:hover{border-color:var(--link)}
.card b{display:block;font-size:1.7rem;line-height:1.2}
.card.error b{color:var(--bad)}.card.warning b{color:var(--perhaps)}.card.info b{color:var(--note)}.card.none b{color:var(--faint)}
dl{margin:10px 0 0}
.row{display:grid;grid-template-columns:6.5rem minmax(0,1fr);gap:12px;padding:3px 0}
dt{color:var(--faint)}
dd{margin:0;overflow-wrap:anywhere}
.tag,.state{display:inline-block;border-radius:5px;padding:0 8px;font-size:13px;font-weight:600;white-space:nowrap}
.tag.error,.state.closed{color:var(--bad);background:var(--bad-ground)}
.tag.warning,.state.perhaps,.state.untold{color:var(--perhaps);background:var(--perhaps-ground)}
.tag.info,.state.some{color:var(--note);background:var(--note-ground)}
.state.no{color:var(--faint)}.state.open{color:var(--good);background:var(--good-ground)}
details.finding,details.chain,details.reach{border:1px solid var(--edge);border-radius:10px;margin:10px 0;padding:0 14px}
details.finding{border-left:4px solid var(--edge);content-visibility:auto;contain-intrinsic-size:auto 52px}
details.finding.error{border-left-color:var(--bad)}details.finding.warning{border-left-color:var(--perhaps)}details.finding.info{border-left-color:var(--note)}
summary{cursor:pointer;padding:10px 0}
details[open]>summary{border-bottom:1px solid var(--edge);margin-bottom:8px}
details[open]{padding-bottom:12px}
.message{font-weight:600}
.where{margin:6px 0}
pre{margin:8px 0;padding:9px 12px;background:var(--code);border-radius:8px;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}
mark{background:var(--mark);color:inherit;border-radius:3px}
.caption{color:var(--bad)}
.steps{margin:6px 0;padding-left:2.2rem}
.hook-step{font-weight:600}
button{font:inherit;border:1px solid var(--edge);background:var(--card);color:var(--text);border-radius:8px;padding:6px 16px;cursor:pointer}
button:hover{border-color:var(--link)}
button.primary{background:var(--primary);border-color:var(--primary);color:var(--on-primary);font-weight:600}
button.walk{padding:1px 10px;color:var(--link)}
.fields{display:grid;grid-template-columns:repeat(auto-fill,minmax(215px,1fr));gap:10px 14px}
.fields span{display:block;font-size:13px;color:var(--faint)}
input[type=search],.fields input{width:100%;font:inherit;color:var(--text);background:var(--card);border:1px solid var(--faint);border-radius:7px;padding:6px 9px}
input::placeholder{color:var(--faint);opacity:1}
.actions{display:flex;gap:14px;align-items:center;flex-wrap:wrap;margin:14px 0}
.ends{margin:0 0 14px;padding:12px 16px;border-radius:10px;background:var(--code);border-left:4px solid var(--road)}
.ends p{margin:2px 0;overflow-wrap:anywhere}
.ends .plain{color:var(--faint)}.ends .accept{color:var(--good);font-weight:600}.ends .drop{color:var(--bad);font-weight:600}
.scroll{overflow:auto}
.picture{border:1px solid var(--edge);border-radius:10px;background:var(--ground);margin:0 0 12px}
.picture svg{display:block;margin:0 auto}
.picture .stop{display:none}.picture .stopped .stop{display:inline}
figure{margin:0}figcaption{color:var(--faint);margin:0 0 6px}
.told{white-space:pre;overflow:auto}
.bold{font-weight:700}.red{color:var(--bad)}.green{color:var(--good)}.yellow{color:var(--perhaps)}.magenta{color:var(--magenta)}.cyan{color:var(--note)}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:5px 10px;vertical-align:top;border-bottom:1px solid var(--edge)}
thead th{color:var(--faint);font-weight:600;font-size:13px}
th[scope=rowgroup]{padding-top:18px}
.exposure td:first-child{width:6rem}.exposure td:nth-child(2){width:38%}
.matrix{width:auto}.matrix th[scope=row]{font-weight:400;white-space:nowrap}.matrix thead th{min-width:6rem;vertical-align:bottom}
.reach table{width:auto}.reach th,.reach td{padding:4px 7px}.reach td{white-space:nowrap}.reach th[scope=row]{font-weight:400;min-width:15rem;max-width:30rem;overflow-wrap:anywhere}
.rules{list-style:none;margin:0;padding:0}.chain.waiting{content-visibility:auto;contain-intrinsic-size:auto 90px}
.rules.waiting{content-visibility:auto;contain-intrinsic-size:auto 1250px}
.rules li{display:flex;gap:12px;padding:2px 6px;border-radius:5px;align-items:baseline}
.rules li:target,.rules li:hover{background:var(--code)}
.rules code{flex:1;min-width:0;overflow-wrap:anywhere}
.number{flex:0 0 3.2rem;text-align:right;color:var(--faint)}
.uncounted .hits{display:none}
.hits{flex:0 0 6.5rem;text-align:right;color:var(--faint)}
.dead code{text-decoration:line-through;text-decoration-color:var(--bad);color:var(--faint)}
.note{font:12px/1.5 system-ui,sans-serif;border-radius:5px;padding:0 6px;text-decoration:none;white-space:nowrap}
.dead-note{white-space:normal;max-width:45%}
.dead-note,.dead-count,.note.error{color:var(--bad);background:var(--bad-ground)}
.dead-count{border-radius:5px;padding:0 6px}
.note.warning{color:var(--perhaps);background:var(--perhaps-ground)}.note.info{color:var(--note);background:var(--note-ground)}
.rules li.walked{background:var(--walked);box-shadow:inset 3px 0 var(--road)}
footer{max-width:1240px;margin:0 auto;padding:0 20px 30px;color:var(--faint)}
@media (max-width:640px){.row{grid-template-columns:1fr;gap:0}.hits{display:none}section{padding:14px}}
@media print{nav,form,.skip,button{display:none!important}section{break-inside:auto;border:0}}
`;

"""`moodscape edge rules`: the table of rules, what one of them says of a moment, and whether a file is valid."""

import argparse
import sys
from pathlib import Path
from typing import Any

from configs import shipped


def register(verbs: Any) -> None:
    """Add the verb `rules`."""
    parser = verbs.add_parser("rules", help="show, explain or check the rules that turn a scene into an emotion")
    parser.add_argument(
        "--config", type=Path, default=shipped("edge.yaml"), metavar="FILE", help="settings (the shipped edge.yaml)"
    )
    parser.add_argument("--check", type=Path, metavar="FILE", help="say whether a file of rules is valid")
    parser.add_argument("--rules", type=Path, metavar="FILE", help="the rules to show or explain (those of --config)")
    parser.add_argument("--explain", metavar="SCENE", help="say what the rules make of a scene, and why")
    parser.add_argument("--level", type=float, metavar="DB", help="dB above the device's own median level")
    parser.add_argument("--spl", type=float, metavar="DB", help="dB SPL, for a calibrated microphone")
    parser.add_argument("--hour", type=float, metavar="H", help="local time in hours, 0 to 24")
    parser.add_argument("--seconds", type=float, metavar="S", help="for how long the scene has gone on")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Show, explain or check. Raises WrongRules for a file that is not valid, UserError for what else is wrong."""
    from edge.config import load
    from edge.models.rules import Rules

    rules = Rules.load(args.check or args.rules or load(args.config).models.rules or shipped("scenes.yaml"))
    if args.check:
        out = f"{args.check}: valid, version {rules.version}, {len(list(rules))} rules\n"
    elif args.explain:
        out = _explained(rules, args)
    else:
        out = _shown(rules)
    sys.stdout.write(out)
    return 0


def _shown(rules: Any) -> str:
    from edge.models.rules import named

    lines = [f"rules, version {rules.version}", f"{'scene':15} {'emotion':10} {'valence':>7} {'arousal':>7}  because"]
    lines += [
        f"{rule.scene:15} {named(rule.emotions):10} {rule.valence:+7.2f} {rule.arousal:+7.2f}  {rule.because}"
        for rule in rules
    ]
    if rules.loudness:
        valence, arousal = 10 * rules.loudness.valence_per_db, 10 * rules.loudness.arousal_per_db
        lines.append(f"10 dB above the median: valence {valence:+g}, arousal {arousal:+g}, where no rule asks for it")
    return "\n".join(lines) + "\n"


def _explained(rules: Any, args: argparse.Namespace) -> str:
    from edge.models.rules import Situation, named
    from edge.models.scene_table import table
    from moments.errors import UserError

    now = Situation(level_db=args.level, spl_db=args.spl, hour=args.hour, seconds=args.seconds)
    try:
        rule = rules.rule_for(args.explain, now)
    except KeyError:
        known = ", ".join(row.label for row in table())
        raise UserError(f"no scene is called {args.explain!r}; the scenes are {known}") from None
    told = {
        "dB from the median": args.level,
        "dB SPL": args.spl,
        "h": args.hour,
        "s": args.seconds,
    }
    known_facts = "".join(f", {value:g} {unit}" for unit, value in told.items() if value is not None)
    valence, arousal = rules.affect(rule, now)
    shares = ", ".join(f"{label} {share:g}" for label, share in rule.emotions.items())
    sources = "".join(f"\n  judged from: {rules.sources[key]}" for key in rule.judged_from)
    return (
        f"{args.explain}{known_facts} → {named(rule.emotions)}, because {rule.because}"
        f"\n  rule {rule.id}, version {rules.version}: {shares}; valence {valence:+g}, arousal {arousal:+g}"
        f"{sources}\n"
    )

"""`make audit`: known vulnerabilities of what is installed here, as PyPI knows them. Needs pip-audit, and a network.

Without a network, or with an index that knows no vulnerabilities, it says what was not audited and does not fail; a
vulnerability that was found does fail.
"""

import json
import subprocess
import sys


def main() -> int:
    """Ask, and tell. The exit status: 1 where something vulnerable is installed."""
    command = [sys.executable, "-m", "pip_audit", "--local", "--skip-editable", "--format", "json", "--timeout", "10"]
    done = subprocess.run([*command, "--progress-spinner", "off"], capture_output=True, text=True)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or ["pip-audit said nothing."])[-1]
        print(f"Not audited: no answer from PyPI ({last}). Try again with a network.")
        return 0
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    found = [(package, known) for package in packages for known in package.get("vulns", ())]
    for package, known in found:
        fixed = ", ".join(known["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {known['id']}, mended in {fixed}")
    if len(unknown) == len(packages):
        print(f"Not audited: the index here knows none of {len(packages)} packages. Try again where PyPI is reached.")
        return 0
    print(f"Audited {len(packages) - len(unknown)} of {len(packages)} packages: {len(found)} vulnerabilities known.")
    if unknown:
        print(f"Not audited, as PyPI has no entry for them: {', '.join(unknown)}")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())

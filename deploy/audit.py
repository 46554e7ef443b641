"""`make audit`: list the installed packages with vulnerabilities known to PyPI. Needs pip-audit and a network.

Without a network, or with an index that has no vulnerability data, it prints what was not audited and succeeds. It
fails only if it finds a vulnerability.
"""

import json
import subprocess
import sys


def main() -> int:
    """Run the audit and print the result. Return the exit status: 1 if a vulnerable package is installed."""
    command = [sys.executable, "-m", "pip_audit", "--local", "--skip-editable", "--format", "json", "--timeout", "10"]
    done = subprocess.run([*command, "--progress-spinner", "off"], capture_output=True, text=True)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or ["pip-audit printed nothing."])[-1]
        print(f"Not audited: no answer from PyPI ({last}). Try again with network access.")
        return 0
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    found = [(package, known) for package in packages for known in package.get("vulns", ())]
    for package, known in found:
        fixed = ", ".join(known["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {known['id']}, fixed in {fixed}")
    if len(unknown) == len(packages):
        print(f"Not audited: the index has none of the {len(packages)} packages. Try again with access to PyPI.")
        return 0
    print(f"Audited {len(packages) - len(unknown)} of {len(packages)} packages: found {len(found)} vulnerabilities.")
    if unknown:
        print(f"Not audited because PyPI has no entry: {', '.join(unknown)}")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())

package main

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// difference is a value in which the two answers of a step differ.
type difference struct {
	file, name  string
	step        step
	path        string
	kafka, ours string
}

func (d difference) String() string {
	return fmt.Sprintf("line %d, %s: %s: Kafka %s, Freshet %s", d.step.number, d.step.title, d.path, d.kafka, d.ours)
}

// essence is what is the same in every version and for every element.
func (d difference) essence() string {
	return fmt.Sprint(d.step.number, versionPattern.ReplaceAllString(d.step.title, ""), " ", elementPattern.ReplaceAllString(d.path, "[]"), " ", d.kafka, " ", d.ours)
}

var (
	elementPattern = regexp.MustCompile(`^(\w+)\[[^\]]*\]`)
	versionPattern = regexp.MustCompile(` v\d+`)
)

// differences compares what a case had for answers.
func differences(c scripted, kafka, ours []step) []difference {
	var out []difference
	if len(kafka) != len(ours) {
		out = append(out, difference{file: c.file, name: c.name, path: "steps", kafka: strconv.Itoa(len(kafka)), ours: strconv.Itoa(len(ours))})
	}
	for i := range min(len(kafka), len(ours)) {
		for _, d := range causes(diffLines(kafka[i].lines, ours[i].lines)) {
			d.file, d.name, d.step = c.file, c.name, kafka[i]
			out = append(out, d)
		}
	}
	return out
}

// causes leaves out what differs because an error code beside or above it does.
func causes(found []difference) []difference {
	var failed []string
	for _, d := range found {
		if prefix, ok := strings.CutSuffix(d.path, "ErrorCode"); ok {
			failed = append(failed, prefix)
		}
	}
	return slices.DeleteFunc(found, func(d difference) bool {
		return !strings.HasSuffix(d.path, "ErrorCode") && slices.ContainsFunc(failed, func(prefix string) bool { return strings.HasPrefix(d.path, prefix) })
	})
}

// diffLines compares lines by their paths. The elements of an array that only one has are named once, by the array's order.
func diffLines(kafka, ours []line) []difference {
	if unanswered(kafka) != unanswered(ours) {
		return []difference{{path: "answer", kafka: unanswered(kafka), ours: unanswered(ours)}}
	}
	has := map[string]string{}
	for _, l := range ours {
		has[l.path] = l.text
	}
	var out []difference
	seen := map[string]bool{}
	for _, l := range kafka {
		seen[l.path] = true
		other, ok := has[l.path]
		if !ok {
			if !strings.Contains(l.path, "[") {
				out = append(out, difference{path: l.path, kafka: l.text, ours: "-"})
			}
			continue
		}
		if other != l.text {
			out = append(out, orderly(l.path, l.text, other)...)
		}
	}
	for _, l := range ours {
		if !seen[l.path] && (!strings.Contains(l.path, "[")) {
			out = append(out, difference{path: l.path, kafka: "-", ours: l.text})
		}
	}
	return out
}

// unanswered is why there was no answer, "given" if there was.
func unanswered(lines []line) string {
	if len(lines) == 1 && lines[0].path == "answer" {
		return lines[0].text
	}
	return "given"
}

// orderly says what is missing, and only if nothing is, that the order is another.
func orderly(at, kafka, ours string) []difference {
	array, ok := strings.CutSuffix(at, ".order")
	if !ok {
		return []difference{{path: at, kafka: kafka, ours: ours}}
	}
	var out []difference
	a, b := strings.Fields(strings.Trim(kafka, "[]")), strings.Fields(strings.Trim(ours, "[]"))
	for _, key := range without(a, b) {
		out = append(out, difference{path: array + "[" + key + "]", kafka: "there", ours: "missing"})
	}
	for _, key := range without(b, a) {
		out = append(out, difference{path: array + "[" + key + "]", kafka: "missing", ours: "there"})
	}
	if len(out) > manyElements {
		return []difference{{path: array, kafka: fmt.Sprint(len(a), " elements"), ours: fmt.Sprint(len(b), " elements")}}
	}
	if len(out) == 0 {
		out = append(out, difference{path: at, kafka: kafka, ours: ours})
	}
	return out
}

// manyElements are so many that they are not named one by one.
const manyElements = 400

func without(a, b []string) []string {
	has := map[string]int{}
	for _, s := range b {
		has[s]++
	}
	var out []string
	for _, s := range a {
		if has[s]--; has[s] < 0 {
			out = append(out, s)
		}
	}
	return out
}

// accepted is a difference that is known, with the reason: FILE/CASE | API PATH | KAFKA | FRESHET | REASON, each but the last a pattern in
// which * stands for anything.
type accepted struct {
	parts  [4]string
	reason string
	used   bool
}

const acceptedParts = 5

func parseAccepted(r io.Reader) ([]*accepted, error) {
	var out []*accepted
	scan := bufio.NewScanner(r)
	for n := 1; scan.Scan(); n++ {
		text := strings.TrimSpace(scan.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		parts := strings.SplitN(text, " | ", acceptedParts)
		if len(parts) != acceptedParts {
			return nil, fmt.Errorf("line %d: %d parts", n, len(parts))
		}
		a := &accepted{reason: parts[4]}
		for i := range a.parts {
			a.parts[i] = strings.TrimSpace(parts[i])
		}
		out = append(out, a)
	}
	return out, scan.Err()
}

// byChance tells whether a difference may be missing in one run and there in the next: orders of hash tables, what is made up, and what is said
// to be a matter of chance.
func (a *accepted) byChance() bool {
	return strings.Contains(a.reason, " hash") || strings.Contains(a.reason, "by chance") || strings.HasPrefix(a.parts[0], "random/")
}

func (a *accepted) matches(d difference) bool {
	for i, s := range []string{d.file + "/" + d.name, d.step.api + " " + d.path, d.kafka, d.ours} {
		if !glob(a.parts[i], s) {
			return false
		}
	}
	return true
}

// glob matches as path.Match does, but for brackets and slashes, which stand for themselves.
func glob(pattern, s string) bool {
	plain := strings.NewReplacer("/", "\x01", "[", "\x02", "]", "\x03", "?", "\x04", `\`, "\x05")
	ok, err := path.Match(plain.Replace(pattern), plain.Replace(s))
	return err == nil && ok
}

package group

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"
)

const (
	// regexLenMax bounds a regular expression, which is tried on every topic's name.
	regexLenMax = 4096
	// regexPause is how long after a look at all topics the next one may follow.
	regexPause = time.Second
)

// compileRegex makes a regular expression (RE2) that matches whole names.
func compileRegex(text string) (*regexp.Regexp, error) {
	if len(text) > regexLenMax {
		return nil, fmt.Errorf("the regular expression has %d bytes, more than %d", len(text), regexLenMax)
	}
	if _, err := regexp.Compile(text); err != nil { // on its own: parentheses must not match ours
		return nil, errors.New("SubscribedTopicRegex `" + text + "` is not a valid regular expression: " + err.Error())
	}
	return regexp.Compile(`^(?:` + text + `)$`)
}

// resolve looks up the topics of the regular expressions that are new or older than the topics are. It tells whether all
// are up to date.
func (ch *change) resolve(mayDescribe func(string) bool) bool {
	wanted := map[string]struct{}{}
	for _, m := range ch.c.members {
		if m.regex != "" {
			wanted[m.regex] = struct{}{}
		}
	}
	topics, settled := ch.s.topics(), true
	for _, text := range slices.Sorted(maps.Keys(wanted)) {
		old, known := ch.c.regexes[text]
		switch {
		case known && old.version == topics.Version():
			continue
		case known && ch.now.Sub(old.at) < regexPause && !ch.now.Before(old.at):
			settled = false
			continue
		}
		re, err := compileRegex(text)
		if err != nil { // of a record somebody else wrote
			continue
		}
		fresh := resolved{version: topics.Version(), at: ch.now}
		for t := range topics.Topics() {
			if re.MatchString(t.Name) && (mayDescribe == nil || mayDescribe(t.Name)) {
				fresh.topics = append(fresh.topics, t.Name)
			}
		}
		slices.Sort(fresh.topics)
		ch.c.regexes[text] = fresh
		if !known || !slices.Equal(old.topics, fresh.topics) {
			ch.add(regexRecord(ch.g.id, text, fresh))
		}
	}
	return settled
}

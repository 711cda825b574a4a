package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// patience is how long a step is tried again while the broker says that something is not ready yet.
	patience = 10 * time.Second
	retryGap = 25 * time.Millisecond
	// settling is what a change of topics or configurations takes to reach every part of a Kafka broker.
	settling = 60 * time.Millisecond
)

// step is a request and the lines of its answer.
type step struct {
	number int
	title  string
	api    string
	lines  []line
}

// player plays a case against one broker.
type player struct {
	side     string
	broker   string
	run      string
	versions map[int16][2]int16
	conns    map[string]*conn
	flying   map[string]kmsg.Request
	vars     map[string]string
	masks    map[string]string
	steps    []step
	epoch    int64
}

func newPlayer(side, broker, run, name string, versions map[int16][2]int16) *player {
	slug := regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(name), "-")
	return &player{
		side: side, broker: broker, run: run, versions: versions,
		conns: map[string]*conn{}, flying: map[string]kmsg.Request{},
		vars:  map[string]string{"c": slug + "-" + run, "l249": strings.Repeat("l", 249-len(run)) + run},
		masks: map[string]string{slug + "-" + run: "$c", run: "$r"},
	}
}

func (p *player) close() {
	for _, c := range p.conns {
		c.hangUp()
	}
}

func (p *player) conn(name string) *conn {
	if p.conns[name] == nil {
		p.conns[name] = &conn{broker: p.broker}
	}
	return p.conns[name]
}

// play runs every line.
func (p *player) play(c scripted) error {
	defer p.close()
	for _, l := range c.lines {
		if err := p.line(l); err != nil {
			return fmt.Errorf("%s:%d: %s: %w", c.file, l.number, p.side, err)
		}
	}
	return nil
}

func (p *player) line(l scriptLine) error {
	text, at := l.text, "main"
	if strings.HasPrefix(text, "@") {
		at, text, _ = strings.Cut(text[1:], " ")
	}
	verb, rest, _ := strings.Cut(text, " ")
	switch verb {
	case "sleep":
		d, err := time.ParseDuration(rest)
		if err != nil {
			return err
		}
		time.Sleep(d) // the script wants time to pass: a session or a transaction runs out
		return nil
	case "hangup":
		p.conn(at).hangUp()
		return nil
	case "wait":
		return p.wait(l, at)
	case "go", "noanswer", "once", "hide":
		return p.api(l, at, verb, rest)
	case "until":
		cond, rest, _ := strings.Cut(rest, " ")
		return p.until(l, at, cond, rest)
	}
	return p.api(l, at, "", text)
}

// api plays a line that names an API, its versions and its fields.
func (p *player) api(l scriptLine, at, verb, text string) error {
	name, rest, _ := strings.Cut(text, " ")
	span, rest, _ := strings.Cut(rest, " ")
	key, ok := keys()[name]
	if !ok {
		return fmt.Errorf("no API %q", name)
	}
	low, high, err := p.span(key, span)
	if err != nil {
		return err
	}
	for v := low; v <= high; v++ {
		p.vars["v"] = strconv.Itoa(int(v))
		req, captures, err := p.request(key, v, rest)
		if err != nil {
			return err
		}
		title := fmt.Sprintf("%s v%d %s", name, v, rest)
		switch verb {
		case "go", "noanswer":
			if err := p.conn(at).send(req); err != nil {
				return err
			}
			if verb == "go" {
				p.flying[at] = req
			}
			continue
		}
		resp, err := p.persist(at, req, verb == "once", func(r kmsg.Response) bool { return !notReady(r) })
		if err := p.capture(resp, captures); err != nil {
			return fmt.Errorf("%s: %w", title, err)
		}
		if verb != "hide" {
			p.record(l, title, name, resp, err)
		}
		if changes[key] && p.side == "kafka" && !strings.Contains(rest, "ValidateOnly") {
			time.Sleep(settling) // Kafka answers before its own caches know
		}
	}
	return nil
}

// changes are the APIs after which Kafka's caches lag.
var changes = map[int16]bool{
	int16(kmsg.CreateTopics): true, int16(kmsg.DeleteTopics): true, int16(kmsg.CreatePartitions): true, int16(kmsg.AlterConfigs): true,
	int16(kmsg.IncrementalAlterConfigs): true, int16(kmsg.CreateACLs): true, int16(kmsg.DeleteACLs): true, int16(kmsg.AlterClientQuotas): true,
	int16(kmsg.AlterUserSCRAMCredentials): true,
}

// persist asks until the answer is a good one, or patience ends.
func (p *player) persist(at string, req kmsg.Request, once bool, good func(kmsg.Response) bool) (kmsg.Response, error) {
	end := time.Now().Add(patience)
	for {
		resp, err := p.conn(at).ask(req)
		if once || err != nil || good(resp) || time.Now().After(end) {
			return resp, err
		}
		time.Sleep(retryGap)
	}
}

// until asks until a value of the answer is the wanted one, and records the last answer.
func (p *player) until(l scriptLine, at, cond, text string) error {
	path, want, _ := strings.Cut(p.substitute(cond), "=")
	name, rest, _ := strings.Cut(text, " ")
	span, rest, _ := strings.Cut(rest, " ")
	key, ok := keys()[name]
	if !ok {
		return fmt.Errorf("no API %q", name)
	}
	v, _, err := p.span(key, span)
	if err != nil {
		return err
	}
	req, captures, err := p.request(key, v, rest)
	if err != nil {
		return err
	}
	resp, err := p.persist(at, req, false, func(r kmsg.Response) bool {
		got, err := find(reflect.ValueOf(r), path)
		return err == nil && got == want
	})
	if err := p.capture(resp, captures); err != nil {
		return err
	}
	p.record(l, fmt.Sprintf("%s v%d %s", name, v, rest), name, resp, err)
	return nil
}

func (p *player) wait(l scriptLine, at string) error {
	req := p.flying[at]
	if req == nil {
		return errors.New("nothing was asked on this connection")
	}
	delete(p.flying, at)
	name := kmsg.NameForKey(req.Key())
	resp, err := p.conn(at).receive(req)
	_, arrow, _ := strings.Cut(l.text, "->")
	captures, perr := parseCaptures(arrow)
	if perr == nil {
		perr = p.capture(resp, captures)
	}
	p.record(l, fmt.Sprintf("%s v%d of @%s", name, req.GetVersion(), at), name, resp, err)
	return perr
}

// span is the range of versions that a line asks for.
func (p *player) span(key int16, s string) (low, high int16, err error) {
	has, ok := p.versions[key]
	if !ok {
		return 0, 0, fmt.Errorf("%s is not served", kmsg.NameForKey(key))
	}
	switch s {
	case "*":
		return has[0], has[1], nil
	case "max":
		return has[1], has[1], nil
	}
	from, to, isRange := strings.Cut(s, "-")
	n, err := strconv.ParseInt(from, 10, 16)
	if err != nil {
		return 0, 0, fmt.Errorf("versions %q", s)
	}
	low, high = int16(n), int16(n)
	if isRange {
		high = has[1]
		if to != "" {
			if n, err = strconv.ParseInt(to, 10, 16); err != nil {
				return 0, 0, err
			}
			high = int16(n)
		}
	}
	return low, high, nil
}

// captured names a value of an answer.
type captured struct{ name, path string }

func (p *player) request(key, version int16, text string) (kmsg.Request, []captured, error) {
	req := kmsg.RequestForKey(key)
	defaults(reflect.ValueOf(req))
	req.SetVersion(version)
	body, arrow, _ := strings.Cut(p.substitute(text), "->")
	captures, err := parseCaptures(arrow)
	if err != nil {
		return nil, nil, err
	}
	fields, err := (&reader{s: body}).fields()
	if err == nil {
		err = setFields(reflect.ValueOf(req).Elem(), fields)
	}
	return req, captures, err
}

func parseCaptures(s string) ([]captured, error) {
	var out []captured
	for word := range strings.FieldsSeq(s) {
		name, path, ok := strings.Cut(word, "=")
		if !ok {
			return nil, fmt.Errorf("capture %q", word)
		}
		out = append(out, captured{name, path})
	}
	return out, nil
}

var varPattern = regexp.MustCompile(`\$(id\(([^)]*)\)|\w+|\{\w+\})`)

// substitute puts values in the place of $name and ${name}, and a topic's id in that of $id(TOPIC).
func (p *player) substitute(text string) string {
	return varPattern.ReplaceAllStringFunc(text, func(s string) string {
		if topic, ok := strings.CutPrefix(s, "$id("); ok {
			return p.topicID(p.substitute(strings.TrimSuffix(topic, ")")))
		}
		if v, ok := p.vars[strings.Trim(s, "${}")]; ok {
			return v
		}
		return s
	})
}

// topicID is a topic's id in hexadecimal, all zeros if there is none.
func (p *player) topicID(topic string) string {
	req := kmsg.NewPtrMetadataRequest()
	req.SetVersion(12)
	req.Topics = []kmsg.MetadataRequestTopic{{Topic: &topic}}
	var id [16]byte
	if resp, err := p.conn("ids").ask(req); err == nil {
		id = resp.(*kmsg.MetadataResponse).Topics[0].TopicID
	}
	text := hex.EncodeToString(id[:])
	if id != [16]byte{} {
		p.masks[text] = "id(" + unmask(topic, p.masks) + ")"
	}
	return text
}

// capture keeps values of an answer under their names; what an answer does not have is "none".
func (p *player) capture(resp kmsg.Response, captures []captured) error {
	for _, c := range captures {
		got := "none"
		if resp != nil {
			var err error
			if got, err = find(reflect.ValueOf(resp), c.path); err != nil {
				got = "0"
			}
		}
		p.vars[c.name] = got
		if got != "" && got != "0" && got != "-1" {
			p.masks[got] = "$" + c.name
		}
	}
	return nil
}

// find is the text of the value at a path such as "Topics[0].Partitions[1].Offset".
func find(v reflect.Value, path string) (string, error) {
	for _, part := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		for v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return "null", nil
			}
			v = v.Elem()
		}
		if n, err := strconv.Atoi(part); err == nil {
			if v.Kind() != reflect.Slice || n >= v.Len() {
				return "", fmt.Errorf("there is no %s", path)
			}
			v = v.Index(n)
			continue
		}
		if part == "len" && v.Kind() == reflect.Slice {
			return strconv.Itoa(v.Len()), nil
		}
		if v.Kind() != reflect.Struct || !v.FieldByName(part).IsValid() {
			return "", fmt.Errorf("there is no %s", path)
		}
		v = v.FieldByName(part)
	}
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() == reflect.Array {
		id := v.Interface().([16]byte)
		return hex.EncodeToString(id[:]), nil
	}
	if b, ok := reflect.TypeAssert[[]byte](v); ok {
		return "hex:" + hex.EncodeToString(b), nil
	}
	return fmt.Sprint(v.Interface()), nil
}

func (p *player) record(l scriptLine, title, api string, resp kmsg.Response, err error) {
	s := step{number: l.number, title: title, api: api}
	if err != nil {
		s.lines = []line{{"answer", err.Error()}}
	} else {
		f := &flattener{names: p.masks, epoch: &p.epoch}
		s.lines = f.answer(resp)
	}
	p.steps = append(p.steps, s)
}

// notReady says that an answer has a code that a client waits out: coordinators that load, markers that are being written.
func notReady(resp kmsg.Response) bool {
	var f func(v reflect.Value) bool
	f = func(v reflect.Value) bool {
		switch v.Kind() {
		case reflect.Pointer:
			return !v.IsNil() && f(v.Elem())
		case reflect.Slice:
			for i := range v.Len() {
				if f(v.Index(i)) {
					return true
				}
			}
		case reflect.Struct:
			if code := v.FieldByName("ErrorCode"); code.IsValid() && code.Kind() == reflect.Int16 && waitedOut[int16(code.Int())] {
				return true
			}
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() && f(v.Field(i)) {
					return true
				}
			}
		}
		return false
	}
	if d, ok := resp.(*kmsg.DescribeTransactionsResponse); ok {
		return slices.ContainsFunc(d.TransactionStates, func(s kmsg.DescribeTransactionsResponseTransactionState) bool {
			return strings.HasPrefix(s.State, "Prepare")
		})
	}
	return resp != nil && f(reflect.ValueOf(resp))
}

var waitedOut = map[int16]bool{
	kerr.CoordinatorLoadInProgress.Code: true, kerr.CoordinatorNotAvailable.Code: true, kerr.NotCoordinator.Code: true,
	kerr.ConcurrentTransactions.Code: true, kerr.NotLeaderForPartition.Code: true,
	kerr.NotEnoughReplicas.Code: true, // what older producers are told of markers that are being written
}

func codeName(code int16) string {
	if code == 0 {
		return "NONE"
	}
	if err := kerr.TypedErrorForCode(code); err != nil {
		return err.Message
	}
	return strconv.Itoa(int(code))
}

// keys are the APIs by their names.
func keys() map[string]int16 {
	out := map[string]int16{}
	for key := range int16(kmsg.MaxKey + 1) {
		out[kmsg.NameForKey(key)] = key
	}
	return out
}

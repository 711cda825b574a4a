package controller

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/freshetdb/freshet/broker/metadata"
)

// script runs requests against an image, one after the other, and shows the records each decided on.
type script struct {
	t   *testing.T
	c   *Controller
	img *metadata.Image
}

func TestController(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		ids := byte(0)
		s := &script{t: t, img: &metadata.Image{}, c: New(Options{PartitionsMax: 50}, func() metadata.UUID {
			ids++
			return metadata.UUID{0: ids, 15: 1}
		})}
		datadriven.RunTest(t, path, s.run)
	})
}

// run executes one command. Every one is a request of the controller, in the words of its fields.
func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	s.t = t
	switch d.Cmd {
	case "bootstrap":
		return s.apply(s.c.Bootstrap(s.img, "the-cluster"), nil)
	case "register":
		var id int
		d.ScanArgs(t, "id", &id)
		return s.apply(s.c.RegisterBroker(s.img, int32(id), metadata.UUID{1}, nil), nil)
	case "create-topics":
		return s.createTopics(d)
	case "delete-topic":
		id := metadata.UUID{99}
		if topic := s.img.Topic(d.CmdArgs[0].Key); topic != nil {
			id = topic.ID
		}
		return s.decided(s.c.DeleteTopic(s.img, id))
	case "create-partitions":
		total, _ := strconv.Atoi(d.CmdArgs[1].Key)
		return s.decided(s.c.CreatePartitions(s.img, d.CmdArgs[0].Key, int32(total), nil))
	case "alter":
		return s.decided(s.c.AlterConfigs(s.img, resource(d.CmdArgs[0].Key), s.changes(d)))
	case "replace":
		wanted := map[string]*string{}
		for _, c := range s.changes(d) {
			wanted[c.Key] = c.Value
		}
		return s.decided(s.c.ReplaceConfigs(s.img, resource(d.CmdArgs[0].Key), wanted))
	case "producer-ids":
		first, count, records := s.c.AllocateProducerIDs(s.img, 1)
		return fmt.Sprintf("[%d, %d)\n", first, first+count) + s.apply(records, nil)
	}
	t.Fatalf("unknown command %s", d.Cmd)
	return ""
}

// createTopics reads lines of: name [partitions=N] [factor=N] [replicas=0:1,2;1:2] [config=value].
func (s *script) createTopics(d *datadriven.TestData) string {
	var topics []NewTopic
	for line := range strings.Lines(d.Input) {
		words := strings.Fields(line)
		topic := NewTopic{Name: strings.Trim(words[0], `"`), Partitions: -1, ReplicationFactor: -1, System: d.HasArg("system")}
		for _, w := range words[1:] {
			key, value, _ := strings.Cut(w, "=")
			n, _ := strconv.Atoi(value)
			switch key {
			case "partitions":
				topic.Partitions = int32(n)
			case "factor":
				topic.ReplicationFactor = int16(n)
			case "replicas":
				topic.Assignments = assignments(value)
			default:
				if topic.Configs == nil {
					topic.Configs = map[string]string{}
				}
				topic.Configs[key] = value
			}
		}
		topics = append(topics, topic)
	}
	answers, records := s.c.CreateTopics(s.img, topics)
	var out strings.Builder
	for _, a := range answers {
		if a.Err != nil {
			fmt.Fprintf(&out, "%s: %s: %s\n", shorten(a.Name), a.Err.Kafka.Message, a.Err.Message)
			continue
		}
		fmt.Fprintf(&out, "%s: %d partitions on %d replicas\n", a.Name, a.Partitions, a.ReplicationFactor)
	}
	return out.String() + s.apply(records, nil)
}

func shorten(name string) string {
	if len(name) > 20 {
		return name[:20] + "..."
	}
	return strconv.Quote(name)
}

func assignments(text string) map[int32][]int32 {
	out := map[int32][]int32{}
	for part := range strings.SplitSeq(text, ";") {
		index, replicas, _ := strings.Cut(part, ":")
		i, _ := strconv.Atoi(index)
		out[int32(i)] = nil
		for r := range strings.SplitSeq(replicas, ",") {
			if n, err := strconv.Atoi(r); err == nil {
				out[int32(i)] = append(out[int32(i)], int32(n))
			}
		}
	}
	return out
}

// changes reads lines of: set key=value | delete key | append key=value | subtract key=value.
func (s *script) changes(d *datadriven.TestData) []ConfigChange {
	ops := map[string]ConfigOp{"set": ConfigSet, "delete": ConfigDelete, "append": ConfigAppend, "subtract": ConfigSubtract, "jump": 9}
	var out []ConfigChange
	for line := range strings.Lines(d.Input) {
		op, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		key, value, has := strings.Cut(rest, "=")
		change := ConfigChange{Key: key, Op: ops[op]}
		if has {
			change.Value = &value
		}
		out = append(out, change)
	}
	return out
}

func resource(text string) metadata.Resource {
	kind, name, _ := strings.Cut(text, ":")
	switch kind {
	case "topic":
		return metadata.Resource{Type: metadata.ResourceTopic, Name: name}
	case "broker":
		return metadata.Resource{Type: metadata.ResourceBroker, Name: name}
	case "group":
		return metadata.Resource{Type: metadata.ResourceGroup, Name: name}
	case "metrics":
		return metadata.Resource{Type: metadata.ResourceClientMetrics, Name: name}
	}
	return metadata.Resource{Type: 99, Name: name}
}

func (s *script) decided(records []metadata.Record, refused *Error) string {
	if refused != nil {
		return s.apply(nil, refused)
	}
	return s.apply(records, nil)
}

// apply replays the records and lists them.
func (s *script) apply(records []metadata.Record, err error) string {
	if refused, ok := errors.AsType[*Error](err); ok {
		return fmt.Sprintf("%s: %s\n", refused.Kafka.Message, refused.Message)
	}
	next, _, err := metadata.Replay(s.img, s.img.Version()+1, records)
	if err != nil {
		s.t.Fatal(err)
	}
	s.img = next
	var out strings.Builder
	for _, r := range records {
		fmt.Fprintf(&out, "%T%+v\n", r, r)
	}
	return strings.ReplaceAll(out.String(), "metadata.", "")
}

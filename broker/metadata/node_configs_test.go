package metadata

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestConfigTables: every table is sorted, so that names are found, defaults are values a config can have, and synonyms exist.
func TestConfigTables(t *testing.T) {
	for name, defs := range map[string][]ConfigDef{
		"topic": TopicConfigDefs(), "broker": BrokerConfigDefs(), "group": GroupConfigDefs(), "client metrics": ClientMetricsConfigDefs(),
	} {
		for i, d := range defs {
			if i > 0 && defs[i-1].Name >= d.Name {
				t.Errorf("%s configs: %s stands before %s", name, defs[i-1].Name, d.Name)
			}
			if !d.NoDefault && d.Default != "" && d.Check(d.Default) != nil {
				t.Errorf("%s: %v", d.Name, d.Check(d.Default))
			}
			if d.Doc == "" {
				t.Errorf("%s has no doc", d.Name)
			}
			for _, s := range d.Synonyms {
				if BrokerConfigDef(s.Name) == nil {
					t.Errorf("%s: there is no broker config %s", d.Name, s.Name)
				}
			}
		}
	}
	for i := range topicConfigs {
		if v := (NodeConfigs{}).Topic(nil, &topicConfigs[i]); v.Text != topicConfigs[i].Default || v.Source != SourceDefault {
			t.Errorf("%s is %q by %d where nobody set anything, its default is %q", topicConfigs[i].Name, v.Text, v.Source, topicConfigs[i].Default)
		}
	}
}

func show(v ConfigValue) string {
	out := fmt.Sprintf("%s(%d):", v.Text, v.Source)
	if v.Null {
		out = fmt.Sprintf("null(%d):", v.Source)
	}
	for _, s := range v.Synonyms {
		out += fmt.Sprintf(" %s=%s(%d)", s.Name, s.Text, s.Source)
	}
	return out
}

// TestConfigsResolve: the sources and synonyms a real broker answers, from the topic to the default.
func TestConfigsResolve(t *testing.T) {
	img, _ := replay(
		t, &Image{},
		ConfigRecord{Resource: Resource{ResourceBroker, ""}, Key: "log.segment.bytes", Value: "2000"},
		ConfigRecord{Resource: Resource{ResourceBroker, "1"}, Key: "log.segment.bytes", Value: "3000"},
		ConfigRecord{Resource: Resource{ResourceBroker, ""}, Key: "message.max.bytes", Value: "7"},
		ConfigRecord{Resource: Resource{ResourceBroker, "2"}, Key: "message.max.bytes", Value: "8"},
	)
	c := img.NodeConfigs(1, map[string]string{"log.segment.bytes": "1000", "log.retention.hours": "2", "log.roll.ms": "5", "num.partitions": "4"})
	for _, test := range []struct {
		name, set, want string
	}{
		{"segment.bytes", "4000", "4000(1): segment.bytes=4000(1) log.segment.bytes=3000(2) log.segment.bytes=2000(3) log.segment.bytes=1000(4) log.segment.bytes=1073741824(5)"},
		{"segment.bytes", "", "3000(2): log.segment.bytes=3000(2) log.segment.bytes=2000(3) log.segment.bytes=1000(4) log.segment.bytes=1073741824(5)"},
		{"max.message.bytes", "", "7(3): message.max.bytes=7(3) message.max.bytes=1048588(5)"},
		{"retention.ms", "", "7200000(4): log.retention.hours=2(4) log.retention.hours=168(5)"},
		{"retention.ms", "9", "9(1): retention.ms=9(1) log.retention.hours=2(4) log.retention.hours=168(5)"},
		{"segment.ms", "", "5(4): log.roll.ms=5(4) log.roll.hours=168(5)"},
		{"remote.storage.enable", "", "false(5):"},
	} {
		set := map[string]string{}
		if test.set != "" {
			set[test.name] = test.set
		}
		if got := show(c.Topic(set, TopicConfigDef(test.name))); got != test.want {
			t.Errorf("topic %s %q\n got %s\nwant %s", test.name, test.set, got, test.want)
		}
	}
	for name, want := range map[string]string{
		"num.partitions":      "4(4): num.partitions=4(4) num.partitions=1(5)",
		"log.retention.ms":    "null(5):",
		"log.roll.ms":         "5(4): log.roll.ms=5(4) log.roll.hours=168(5)",
		"log.retention.hours": "2(4): log.retention.hours=2(4) log.retention.hours=168(5)",
	} {
		if got := show(c.Broker(BrokerConfigDef(name))); got != want {
			t.Errorf("broker %s\n got %s\nwant %s", name, got, want)
		}
	}
	if c.Int("num.partitions") != 4 || !c.Bool("auto.create.topics.enable") || c.Millis("group.initial.rebalance.delay.ms") != 3*time.Second {
		t.Error("typed values differ")
	}
	topic := c.TopicDefaults().Parse(map[string]string{"max.message.bytes": "50"})
	if topic.SegmentBytes != 3000 || topic.Retention != 2*time.Hour || topic.SegmentAge != 5*time.Millisecond || topic.MessageBytesMax != 50 {
		t.Errorf("%+v", topic)
	}
}

// TestNoEffectIsSaid: a broker config behind a topic config without effect says so too.
func TestNoEffectIsSaid(t *testing.T) {
	for _, d := range TopicConfigDefs() {
		if !strings.HasPrefix(d.Doc, noEffect) {
			continue
		}
		for _, s := range d.Synonyms {
			if def := BrokerConfigDef(s.Name); s.Factor == 0 && !strings.HasPrefix(def.Doc, noEffect) {
				t.Errorf("%s has no effect, %s claims one", d.Name, s.Name)
			}
		}
	}
}

package group

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// optional gives an argument, nil when it is missing.
func optional(d *datadriven.TestData, key string) *string {
	if !d.HasArg(key) {
		return nil
	}
	v := arg(d, key, "")
	return &v
}

// held reads "topic-partition" words of an argument.
func (s *script) held(d *datadriven.TestData) []Partition {
	list := []Partition{}
	for word := range strings.FieldsFuncSeq(arg(d, "holds", ""), func(r rune) bool { return r == ',' || r == ' ' }) {
		topic, number, _ := strings.Cut(word, "-")
		p, _ := strconv.Atoi(number)
		list = append(list, s.shard.partitionsOf(topic, []int32{int32(p)})...)
	}
	return list
}

func (s *script) names(list []Partition) string {
	words := []string{}
	for _, p := range list {
		name := "?"
		if t := s.topics.TopicByID(p.Topic); t != nil {
			name = t.Name
		}
		words = append(words, fmt.Sprintf("%s-%d", name, p.Partition))
	}
	return "[" + strings.Join(words, " ") + "]"
}

// subscription is what a classic consumer says of itself.
func (s *script) subscription(d *datadriven.TestData) []byte {
	meta := kmsg.NewConsumerMemberMetadata()
	meta.Version = 1
	meta.Topics = strings.Split(arg(d, "topics", "t"), ",")
	for _, p := range s.held(d) {
		meta.OwnedPartitions = append(meta.OwnedPartitions,
			kmsg.ConsumerMemberMetadataOwnedPartition{Topic: s.topics.TopicByID(p.Topic).Name, Partitions: []int32{p.Partition}})
	}
	return meta.AppendTo(nil)
}

// beat sends a ConsumerGroupHeartbeat: whole with epoch 0 or "full", else short.
func (s *script) beat(d *datadriven.TestData) {
	req := ConsumerHeartbeat{
		Group: arg(d, "group", "g"), MemberID: arg(d, "member", ""), Epoch: int32(s.number(d, "epoch", "0")),
		InstanceID: optional(d, "instance"), Assignor: optional(d, "assignor"), Regex: optional(d, "regex"),
		ClientID: "c", ClientHost: "/h", RebalanceTimeout: -1, NamesItself: !d.HasArg("v0"),
	}
	if req.Epoch == epochJoin || d.HasArg("full") {
		req.RebalanceTimeout, req.Holds = time.Minute, []Partition{}
	}
	if req.Regex == nil && (req.Epoch == epochJoin || d.HasArg("full") || d.HasArg("topics")) {
		req.Topics = strings.Split(arg(d, "topics", "t"), ",")
	}
	if d.HasArg("holds") {
		req.Holds = s.held(d)
	}
	if d.HasArg("nothing") {
		req.Topics = nil
	}
	if hidden := optional(d, "hidden"); hidden != nil {
		req.MayDescribe = func(topic string) bool { return topic != *hidden }
	}
	s.shard.ConsumerHeartbeat(s.now, req, func(r ConsumerResponse) {
		line := fmt.Sprintf("%s heard: %s, epoch %d", arg(d, "member", r.MemberID), r.Code.Error(), r.Epoch)
		if r.Assigned != nil {
			line += ", use " + s.names(r.Assigned)
		}
		if r.Message != "" {
			line += " (" + r.Message + ")"
		}
		s.say("%s", line)
	})
}

// consumers describes a consumer group.
func (s *script) consumers(d *datadriven.TestData) {
	g := s.shard.DescribeConsumers(arg(d, "group", "g"))
	s.say("%s: %s, epoch %d, target of %d, %s", g.State, g.Code.Error(), g.Epoch, g.AssignmentEpoch, g.Assignor)
	for _, m := range g.Members {
		kind := ""
		if m.Classic {
			kind = ", classic"
		}
		s.say("  %s instance %q epoch %d topics %v regex %q: %s of %s%s",
			m.MemberID, m.InstanceID, m.Epoch, m.Topics, m.Regex, s.names(m.Assigned), s.names(m.Target), kind)
	}
}

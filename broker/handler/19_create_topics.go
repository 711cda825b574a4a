package handler

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// createTopics makes topics; one refused doesn't stop the others.
func (h *Handler) createTopics(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.CreateTopicsRequest)
	named := make(map[string]int, len(in.Topics))
	for i := range in.Topics {
		named[in.Topics[i].Topic]++
	}
	// A topic that stands in the request several times is answered once.
	asked := slices.DeleteFunc(slices.Clone(in.Topics), func(t kmsg.CreateTopicsRequestTopic) bool {
		again := named[t.Topic] < 0
		if named[t.Topic] > 1 {
			named[t.Topic] = -named[t.Topic]
		}
		return again
	})
	wanted := make([]controller.NewTopic, len(asked))
	for i := range asked {
		wanted[i] = newTopic(&asked[i])
		switch {
		case !h.mayCreate(req, wanted[i].Name):
			wanted[i].Refused = &controller.Error{Kafka: kerr.TopicAuthorizationFailed, Message: "not allowed to create topics"}
		case named[wanted[i].Name] != 1:
			wanted[i].Refused = &controller.Error{Kafka: kerr.InvalidRequest, Message: "a topic may stand in a request once"}
		}
	}
	var answers []controller.TopicCreated
	var seen *metadata.Image
	err := h.changeInTime(ctx, in.TimeoutMillis, func(img *metadata.Image) ([]metadata.Record, error) {
		h.chargeTopics(req, img, wanted)
		var records []metadata.Record
		answers, records = h.Controller.CreateTopics(img, wanted)
		if seen = img; in.ValidateOnly {
			return nil, nil
		}
		return records, nil
	})
	resp := kmsg.NewPtrCreateTopicsResponse()
	resp.Topics = make([]kmsg.CreateTopicsResponseTopic, 0, len(wanted))
	for i := range wanted {
		out := kmsg.NewCreateTopicsResponseTopic()
		out.Topic, out.NumPartitions, out.ReplicationFactor = wanted[i].Name, -1, -1
		out.Configs = []kmsg.CreateTopicsResponseTopicConfig{}
		if err != nil {
			out.ErrorCode, out.ErrorMessage = h.failure(err)
		} else {
			h.fillCreated(req, seen, &out, &answers[i])
		}
		resp.Topics = append(resp.Topics, out)
	}
	req.Reply(resp)
}

// chargeTopics counts the partitions of topics that may be made, and refuses those their client's quota doesn't allow.
func (h *Handler) chargeTopics(req *wire.Request, img *metadata.Image, wanted []controller.NewTopic) {
	for i := range wanted {
		t := &wanted[i]
		partitions := max(int(t.Partitions), len(t.Assignments))
		if partitions < 0 {
			partitions = int(h.configs(img).Int(metadata.ConfigNumPartitions))
		}
		partitions = min(partitions, metadata.MaxPartitionsPerTopic)
		if t.Refused == nil && img.Topic(t.Name) == nil && !h.mutates(req, createTopicsStrict, partitions) {
			t.Refused = &controller.Error{Kafka: kerr.ThrottlingQuotaExceeded, Message: kerr.ThrottlingQuotaExceeded.Description}
		}
	}
}

// mayCreate tells whether the caller may make a topic: all of them, or this one.
func (h *Handler) mayCreate(req *wire.Request, topic string) bool {
	return h.mayQuietly(req, auth.OpCreate, auth.ResourceCluster, auth.ClusterName) || h.may(req, auth.OpCreate, auth.ResourceTopic, topic)
}

// newTopic reads a topic asked for; what no controller needs to see is refused here.
func newTopic(in *kmsg.CreateTopicsRequestTopic) controller.NewTopic {
	t := controller.NewTopic{Name: in.Topic, Partitions: in.NumPartitions, ReplicationFactor: in.ReplicationFactor}
	if len(in.Configs) > 0 {
		t.Configs = make(map[string]string, len(in.Configs))
	}
	for _, c := range in.Configs {
		if c.Value == nil {
			t.Refused = &controller.Error{Kafka: kerr.InvalidConfig, Message: "topic config " + c.Name + " has no value"}
			continue
		}
		t.Configs[c.Name] = *c.Value
	}
	for _, a := range in.ReplicaAssignment {
		if t.Assignments == nil {
			t.Assignments = make(map[int32][]int32)
		}
		if _, twice := t.Assignments[a.Partition]; twice {
			t.Refused = &controller.Error{Kafka: kerr.InvalidReplicaAssignment, Message: "a partition is named twice"}
		}
		t.Assignments[a.Partition] = a.Replicas
	}
	return t
}

func (h *Handler) fillCreated(req *wire.Request, img *metadata.Image, out *kmsg.CreateTopicsResponseTopic, made *controller.TopicCreated) {
	if out.ErrorCode, out.ErrorMessage = refusal(made.Err); made.Err != nil {
		return
	}
	out.TopicID = made.ID // of a topic that was only validated, as in Kafka, one that nothing has
	if !h.mayQuietly(req, auth.OpDescribeConfigs, auth.ResourceTopic, made.Name) {
		out.ConfigErrorCode = kerr.TopicAuthorizationFailed.Code
		return
	}
	out.NumPartitions, out.ReplicationFactor = made.Partitions, made.ReplicationFactor
	for _, e := range h.topicConfigEntries(img, made.Configs) {
		entry := kmsg.NewCreateTopicsResponseTopicConfig()
		entry.Name, entry.Value, entry.Source = e.def.Name, e.shown(), int8(e.Source)
		entry.ReadOnly, entry.IsSensitive = e.def.ReadOnly, e.def.Sensitive
		out.Configs = append(out.Configs, entry)
	}
}

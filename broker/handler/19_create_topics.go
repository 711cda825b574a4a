package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// createTopics makes topics; one refused doesn't stop the others.
func (h *Handler) createTopics(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.CreateTopicsRequest)
	wanted := make([]controller.NewTopic, len(in.Topics))
	for i := range in.Topics {
		wanted[i] = newTopic(&in.Topics[i])
	}
	var answers []controller.TopicCreated
	err := h.change(ctx, in.TimeoutMillis, func(img *metadata.Image) ([]metadata.Record, error) {
		var records []metadata.Record
		if answers, records = h.Controller.CreateTopics(img, wanted); in.ValidateOnly {
			return nil, nil
		}
		return records, nil
	})
	resp := kmsg.NewPtrCreateTopicsResponse()
	for i := range wanted {
		out := kmsg.NewCreateTopicsResponseTopic()
		out.Topic, out.NumPartitions, out.ReplicationFactor = wanted[i].Name, -1, -1
		out.Configs = []kmsg.CreateTopicsResponseTopicConfig{}
		if err != nil {
			out.ErrorCode, out.ErrorMessage = h.failure(err)
		} else {
			fillCreated(&out, &answers[i], in.ValidateOnly)
		}
		resp.Topics = append(resp.Topics, out)
	}
	req.Reply(resp)
}

func newTopic(in *kmsg.CreateTopicsRequestTopic) controller.NewTopic {
	t := controller.NewTopic{Name: in.Topic, Partitions: in.NumPartitions, ReplicationFactor: in.ReplicationFactor}
	if len(in.Configs) > 0 {
		t.Configs = make(map[string]string, len(in.Configs))
	}
	for _, c := range in.Configs {
		if c.Value != nil {
			t.Configs[c.Name] = *c.Value
		}
	}
	for _, a := range in.ReplicaAssignment {
		if t.Assignments == nil {
			t.Assignments = make(map[int32][]int32)
		}
		t.Assignments[a.Partition] = a.Replicas
	}
	return t
}

func fillCreated(out *kmsg.CreateTopicsResponseTopic, made *controller.TopicCreated, validateOnly bool) {
	if out.ErrorCode, out.ErrorMessage = refusal(made.Err); made.Err != nil {
		return
	}
	out.NumPartitions, out.ReplicationFactor = made.Partitions, made.ReplicationFactor
	if !validateOnly {
		out.TopicID = made.ID
	}
	for _, c := range topicConfigEntries(made.Configs) {
		entry := kmsg.NewCreateTopicsResponseTopicConfig()
		entry.Name, entry.Value, entry.Source = c.def.Name, &c.value, int8(c.source)
		out.Configs = append(out.Configs, entry)
	}
}

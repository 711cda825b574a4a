package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// deleteTopicsDisabled is the first version whose clients know TOPIC_DELETION_DISABLED.
const deleteTopicsDisabled = 3

// deleteTopics deletes topics by name or id; one refused doesn't stop the others.
func (h *Handler) deleteTopics(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DeleteTopicsRequest)
	asked := in.Topics
	for _, name := range in.TopicNames {
		asked = append(asked, kmsg.DeleteTopicsRequestTopic{Topic: &name})
	}
	names, ids := map[string]int{}, map[metadata.UUID]int{}
	once := make([]kmsg.DeleteTopicsRequestTopic, 0, len(asked))
	for _, a := range asked {
		var count int
		if a.Topic != nil {
			names[*a.Topic]++
			count = names[*a.Topic]
		} else {
			ids[a.TopicID]++
			count = ids[a.TopicID]
		}
		if count == 1 {
			once = append(once, a)
		}
	}
	asked = once
	answers := make([]kmsg.DeleteTopicsResponseTopic, len(asked))
	for i := range answers {
		answers[i] = kmsg.NewDeleteTopicsResponseTopic()
		answers[i].Topic, answers[i].TopicID = asked[i].Topic, asked[i].TopicID
	}
	errs := h.changeEachInTime(ctx, in.TimeoutMillis, len(asked), func(img *metadata.Image, i int) ([]metadata.Record, error) {
		t, refused := h.topicToDelete(req, img, &asked[i], names, ids)
		if t != nil && asked[i].Topic == nil {
			answers[i].Topic = &t.Name
		}
		if refused != nil {
			return nil, refused
		}
		answers[i].TopicID = t.ID
		if !h.mutates(req, deleteTopicsStrict, len(t.Partitions)) {
			return nil, kerr.ThrottlingQuotaExceeded
		}
		records, refused := h.Controller.DeleteTopic(img, t.ID)
		if refused != nil {
			return nil, refused
		}
		return records, nil
	})
	resp := kmsg.NewPtrDeleteTopicsResponse()
	resp.Topics = answers
	for i, err := range errs {
		resp.Topics[i].ErrorCode, resp.Topics[i].ErrorMessage = h.failure(err)
		if in.Version < deleteTopicsDisabled && resp.Topics[i].ErrorCode == kerr.TopicDeletionDisabled.Code {
			resp.Topics[i].ErrorCode = kerr.InvalidRequest.Code
		}
	}
	req.Reply(resp)
}

// topicToDelete finds the topic an entry names. It is given with the refusal where the caller may know its name.
func (h *Handler) topicToDelete(req *wire.Request, img *metadata.Image, asked *kmsg.DeleteTopicsRequestTopic, names map[string]int, ids map[metadata.UUID]int) (*metadata.Topic, *controller.Error) {
	refuse := func(code *kerr.Error, text string) *controller.Error {
		return &controller.Error{Kafka: code, Message: text}
	}
	id := metadata.UUID(asked.TopicID)
	switch {
	case asked.Topic == nil && id.IsZero():
		return nil, refuse(kerr.InvalidRequest, "neither a topic name nor an id was given")
	case asked.Topic != nil && !id.IsZero():
		return nil, refuse(kerr.InvalidRequest, "either a topic name or an id may be given, not both")
	case asked.Topic != nil && names[*asked.Topic] > 1, asked.Topic == nil && ids[id] > 1:
		return nil, refuse(kerr.InvalidRequest, "a topic may stand in a request once")
	}
	byName := asked.Topic != nil
	var t *metadata.Topic
	if byName {
		t = img.Topic(*asked.Topic)
		if !h.may(req, auth.OpDelete, auth.ResourceTopic, *asked.Topic) {
			return nil, refuse(kerr.TopicAuthorizationFailed, kerr.TopicAuthorizationFailed.Description)
		}
		if t == nil {
			return nil, refuse(kerr.UnknownTopicOrPartition, kerr.UnknownTopicOrPartition.Description)
		}
		if ids[t.ID] > 0 {
			return nil, refuse(kerr.InvalidRequest, "the topic stands in the request by its id already")
		}
		return t, nil
	}
	if t = img.TopicByID(id); t != nil && names[t.Name] > 0 {
		return t, refuse(kerr.InvalidRequest, "the topic stands in the request by its name already")
	}
	if t == nil {
		return nil, refuse(kerr.UnknownTopicID, kerr.UnknownTopicID.Description)
	}
	if !h.may(req, auth.OpDescribe, auth.ResourceTopic, t.Name) {
		return nil, refuse(kerr.TopicAuthorizationFailed, kerr.TopicAuthorizationFailed.Description)
	}
	if !h.may(req, auth.OpDelete, auth.ResourceTopic, t.Name) {
		return t, refuse(kerr.TopicAuthorizationFailed, kerr.TopicAuthorizationFailed.Description)
	}
	return t, nil
}

package handler

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// The ways to match a part of an entity in DescribeClientQuotas.
const (
	matchExact   = 0
	matchDefault = 1
	matchAny     = 2
)

// The types of an entity's parts.
const (
	quotaUser     = "user"
	quotaClientID = "client-id"
	quotaIP       = "ip"
)

// describeClientQuotas lists the quotas of the entities a filter asks for.
func (h *Handler) describeClientQuotas(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DescribeClientQuotasRequest)
	resp := kmsg.NewPtrDescribeClientQuotasResponse()
	resp.Entries, resp.ErrorMessage = []kmsg.DescribeClientQuotasResponseEntry{}, new("")
	if !h.may(req, auth.OpDescribeConfigs, auth.ResourceCluster, auth.ClusterName) {
		resp.ErrorCode, resp.ErrorMessage = refused(kerr.ClusterAuthorizationFailed)
		resp.Entries = nil
		req.Reply(resp)
		return
	}
	if err := checkQuotaFilter(in.Components); err != nil {
		resp.ErrorCode, resp.ErrorMessage = refusal(err)
		resp.Entries = nil
		req.Reply(resp)
		return
	}
	for entity, values := range h.Quorum.Image().Quotas() {
		if !quotaMatches(in, entity) {
			continue
		}
		out := kmsg.NewDescribeClientQuotasResponseEntry()
		for _, p := range quotaParts(entity) {
			out.Entity = append(out.Entity, kmsg.DescribeClientQuotasResponseEntryEntity{Type: p.Type, Name: p.Name})
		}
		for _, key := range slices.Sorted(maps.Keys(values)) {
			out.Values = append(out.Values, kmsg.DescribeClientQuotasResponseEntryValue{Key: key, Value: values[key]})
		}
		resp.Entries = append(resp.Entries, out)
	}
	slices.SortFunc(resp.Entries, compareQuotaEntries)
	req.Reply(resp)
}

func checkQuotaFilter(components []kmsg.DescribeClientQuotasRequestComponent) *controller.Error {
	refuse := func(code *kerr.Error, text string) *controller.Error {
		return &controller.Error{Kafka: code, Message: text}
	}
	seen := map[string]bool{}
	for _, c := range components {
		switch {
		case c.EntityType == "":
			return refuse(kerr.InvalidRequest, "invalid empty entity type")
		case c.EntityType != quotaUser && c.EntityType != quotaClientID && c.EntityType != quotaIP:
			return refuse(kerr.UnsupportedVersion, "unsupported entity type "+c.EntityType)
		case seen[c.EntityType]:
			return refuse(kerr.InvalidRequest, "entity type "+c.EntityType+" cannot appear more than once in the filter")
		case c.MatchType < matchExact || c.MatchType > matchAny:
			return refuse(kerr.InvalidRequest, "unknown match type")
		case c.MatchType == matchExact && c.Match == nil:
			return refuse(kerr.InvalidRequest, "an exact match needs a string to match")
		case c.MatchType != matchExact && c.Match != nil:
			return refuse(kerr.InvalidRequest, "only an exact match has a string to match")
		}
		seen[c.EntityType] = true
	}
	if seen[quotaIP] && len(seen) > 1 {
		return refuse(kerr.InvalidRequest, "an ip can't be asked for together with a user or client-id")
	}
	return nil
}

// quotaMatches tells whether an entity has all the parts a filter asks for, and no other if it is strict.
func quotaMatches(in *kmsg.DescribeClientQuotasRequest, e metadata.QuotaEntity) bool {
	for _, c := range in.Components {
		part := e.User
		switch c.EntityType {
		case quotaClientID:
			part = e.ClientID
		case quotaIP:
			part = e.IP
		}
		switch {
		case part.Kind == metadata.QuotaAbsent,
			c.MatchType == matchDefault && part.Kind != metadata.QuotaDefault,
			c.MatchType == matchExact && (part.Kind != metadata.QuotaNamed || part.Name != *c.Match):
			return false
		}
	}
	return !in.Strict || len(quotaParts(e)) == len(in.Components)
}

// quotaParts lists what an entity is made of.
func quotaParts(e metadata.QuotaEntity) []controller.QuotaPart {
	var out []controller.QuotaPart
	for _, p := range [...]struct {
		kind string
		name metadata.QuotaName
	}{{quotaClientID, e.ClientID}, {quotaUser, e.User}, {quotaIP, e.IP}} {
		switch p.name.Kind {
		case metadata.QuotaNamed:
			out = append(out, controller.QuotaPart{Type: p.kind, Name: &p.name.Name})
		case metadata.QuotaDefault:
			out = append(out, controller.QuotaPart{Type: p.kind})
		}
	}
	return out
}

func compareQuotaEntries(a, b kmsg.DescribeClientQuotasResponseEntry) int {
	return slices.CompareFunc(a.Entity, b.Entity, func(a, b kmsg.DescribeClientQuotasResponseEntryEntity) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(deref(a.Name), deref(b.Name)))
	})
}

package handler

import (
	"cmp"
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// describeACLs lists the rules a filter selects, by resource.
func (h *Handler) describeACLs(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DescribeACLsRequest)
	resp := kmsg.NewPtrDescribeACLsResponse()
	resp.Resources = []kmsg.DescribeACLsResponseResource{}
	filter := auth.Filter{
		ResourceType: auth.ResourceType(in.ResourceType), PatternType: auth.PatternType(in.ResourcePatternType), ResourceName: in.ResourceName,
		Principal: in.Principal, Host: in.Host, Operation: auth.Operation(in.Operation), Permission: auth.Permission(in.PermissionType),
	}
	if !h.mayCluster(req, auth.OpDescribe) {
		resp.ErrorCode = kerr.ClusterAuthorizationFailed.Code
		req.Reply(resp)
		return
	}
	if err := filter.Check(); err != nil {
		resp.ErrorCode, resp.ErrorMessage = kerr.InvalidRequest.Code, new(err.Error())
		req.Reply(resp)
		return
	}
	var found []metadata.ACL
	for _, acl := range h.Quorum.Image().ACLs() {
		if filter.Matches(&acl) {
			found = append(found, acl)
		}
	}
	slices.SortFunc(found, compareACLs)
	for i := range found {
		acl := &found[i]
		last := len(resp.Resources) - 1
		if last < 0 || !sameResource(&found[i-1], acl) {
			resource := kmsg.NewDescribeACLsResponseResource()
			resource.ResourceType, resource.ResourceName = kmsg.ACLResourceType(acl.ResourceType), acl.ResourceName
			resource.ResourcePatternType = kmsg.ACLResourcePatternType(acl.PatternType)
			resp.Resources = append(resp.Resources, resource)
			last++
		}
		rule := kmsg.NewDescribeACLsResponseResourceACL()
		rule.Principal, rule.Host = acl.Principal, acl.Host
		rule.Operation, rule.PermissionType = kmsg.ACLOperation(acl.Operation), kmsg.ACLPermissionType(acl.Permission)
		resp.Resources[last].ACLs = append(resp.Resources[last].ACLs, rule)
	}
	req.Reply(resp)
}

func sameResource(a, b *metadata.ACL) bool {
	return a.ResourceType == b.ResourceType && a.PatternType == b.PatternType && a.ResourceName == b.ResourceName
}

// compareACLs brings the rules of a resource together.
func compareACLs(a, b metadata.ACL) int {
	return cmp.Or(cmp.Compare(a.ResourceType, b.ResourceType), cmp.Compare(a.PatternType, b.PatternType),
		cmp.Compare(a.ResourceName, b.ResourceName), cmp.Compare(a.Principal, b.Principal), cmp.Compare(a.Host, b.Host),
		cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Permission, b.Permission))
}

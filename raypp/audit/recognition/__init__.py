"""Recognisers over what attacks rebuild: are faces found there, are people told apart, is text read?"""
